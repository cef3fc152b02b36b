"""The small model finds people and addresses, and its results depend on the text alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from schemas.errors import DeidError
from schemas.sections.name_models import TaggerConfig
from tests.support.deid_engines import line_signs
from transforms.deid.model import network, vectors
from transforms.deid.model import tagger as module
from transforms.deid.model.features import ROWS
from transforms.deid.model.network import LABELS, Network, load_weights, save_weights
from transforms.deid.model.tagger import Entity, Tagger, shipped_tagger, tagger_digest
from transforms.deid.people.reading import Mask, Reading
from transforms.deid.spans import Kind, Segment
from transforms.deid.text import word_table as words
from transforms.deid.text.word_table import WordTable
from transforms.sample.texts.fill import generate_texts
from transforms.training.network import probabilities_of

WORDS, SIGNS = WordTable(b"tests"), line_signs()
TAGGER = shipped_tagger(TaggerConfig(person=0.5, person_agreed=0.5, person_alone=0.5, person_in_code=0.5))


def read(texts: list[str], kind: Kind = "user", known: WordTable = WORDS) -> Reading:
    return Reading([[Segment(text, kind)] for text in texts], known, SIGNS)


def entities(texts: list[str], tagger: Tagger = TAGGER) -> list[list[Entity]]:
    """The entities of each text, also if texts are equal."""
    reading = read(texts)
    by_text = tagger.entities(reading)
    return [by_text[number] for number in reading.numbers]


def found(text: str, kind: str) -> list[str]:
    return [text[e.start : e.end] for e in entities([text])[0] if e.type == kind]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "I live at 14 Larkspur Crescent, Exeter EX4 6TN and like it.",
            "14 Larkspur Crescent, Exeter EX4 6TN",
        ),
        ("Ship it to Lindenstraße 42b, 50674 Köln please", "Lindenstraße 42b, 50674 Köln"),
        ("meet me at 2210 N Halsted St, Chicago, IL 60614", "2210 N Halsted St, Chicago, IL 60614"),
        ("Envoyez-le au 8 rue des Peupliers, 69003 Lyon", "8 rue des Peupliers, 69003 Lyon"),
    ],
)
def test_addresses_in_many_forms_are_found_whole(text: str, address: str) -> None:
    """A house number that remains reveals a part of the address."""
    assert address in " | ".join(found(text, "ADDRESS"))


@pytest.mark.parametrize(
    "name", ["Oyelaran Adebisi", "Wojciech Brzęczek", "Sunniva Haugstad", "Nguyen Thi Lan"]
)
def test_people_on_no_list_are_found(name: str) -> None:
    """Most names in the world are on no list."""
    assert found(f"Yesterday I spoke with {name} about the contract.", "PERSON") == [name]


@pytest.mark.parametrize(
    "text",
    [
        "Install Docker and Jenkins, then run the Gradle build on Ubuntu.",
        "The Treaty of Versailles was signed in the Hall of Mirrors.",
        "def parse_address(street_name: str) -> Address:",
        "There are 24 students in room 105 and 300 chairs in building 7.",
        "Turn to page 12, read chapter 3 and answer questions 1 to 10.",
    ],
)
def test_text_without_people_and_addresses_has_no_entities(text: str) -> None:
    """Masking a product or room number degrades the text without protecting a person."""
    assert entities([text]) == [[]]


@pytest.mark.parametrize("alike", [True, False])
def test_a_text_has_the_same_entities_in_any_batch(alike: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are arbitrary, so they must not affect the spans, on any processor."""
    if alike and not TAGGER._network.sums_alike:
        pytest.skip("this processor's matrix library sums by place: texts are never computed together here")
    monkeypatch.setattr(TAGGER._network, "sums_alike", alike)
    texts = [one.text for one in generate_texts(200, 11)]
    together = entities(texts)
    assert sum(map(len, together)) > 100
    assert together == [entities([text])[0] for text in texts]
    reading, number = read(texts), 17
    alone = read([texts[number]])
    some = np.arange(reading.first_tokens[number], reading.first_tokens[number + 1])
    here = TAGGER.probabilities(reading, np.arange(reading.first_tokens[-1]))[some]
    assert np.array_equal(here, TAGGER.probabilities(alone, np.arange(len(some))))


def test_matrix_products_that_depend_on_the_row_are_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some matrix libraries sum the rows of a block in different orders. Then smaller blocks are tried; if
    those differ, too, each text is computed alone.
    """
    assert network._sums_alike(np.ones((6, 2), dtype=np.float32), 32)
    product = network.product
    differing = [32]

    def by_place(rows: np.ndarray, weight: np.ndarray, size: int) -> np.ndarray:
        factor = 1 + 1e-6 * (np.arange(len(rows)) % size == 3) * (size in differing)
        return product(rows, weight, size) * factor[:, None].astype(np.float32)

    monkeypatch.setattr(network, "product", by_place)
    assert not network._sums_alike(TAGGER._weights.weight, 32)
    monkeypatch.setattr(network, "_BLOCKS", (32, 1))
    assert Network(TAGGER._weights).sums_alike
    monkeypatch.setattr(network, "_BLOCKS", (32, 4))
    differing.append(4)
    assert not Network(TAGGER._weights).sums_alike


def test_computing_only_the_receptive_field_gives_the_result_of_the_whole_text() -> None:
    """Only tokens that the blocks read are computed; pieces, paragraphs and text ends must not matter."""
    text = " ".join(one.text for one in generate_texts(400, 12))
    reading = read([text, "\n\n".join(["Ask Sunniva Haugstad.", "Hi!", ""])])
    tokens = reading.tokens
    assert len(tokens.starts) > 5_000
    probabilities = TAGGER.probabilities(reading, np.arange(len(tokens.starts)))
    for number in np.unique(reading.paragraphs).tolist():
        some = np.flatnonzero(reading.paragraphs == number)
        whole = probabilities_of(TAGGER._weights, TAGGER.vectors(reading, some))
        assert np.abs(probabilities[some] - whole).max() < 1e-4


def test_the_gate_loses_few_entities() -> None:
    """The small model does not run on tokens that the gate rejects, so an entity there is lost."""
    labelled = {one.text: one.spans for one in generate_texts(600, 13, part="held")}
    without = Tagger(TAGGER._weights, None, TAGGER._thresholds)
    reading = read(list(labelled))
    kept = lost = 0
    for text, seen, gated in zip(
        reading.texts.each, without.entities(reading), TAGGER.entities(reading), strict=True
    ):
        truth = [Entity(start, end, kind, 1.0) for start, end, kind in labelled[text]]
        for entity in (one for one in seen if _met(one, truth)):
            kept, lost = kept + 1, lost + (not _met(entity, gated))
    assert kept > 500
    assert lost < 0.03 * kept
    assert len(TAGGER.judged(reading)) < 0.9 * len(without.judged(reading))


def test_spans_of_patterns_are_excluded_from_the_small_model() -> None:
    """The digits of a card are not house numbers; an address beside the card must still be found."""
    card = "5500 0000 0000 0004"
    text = f"pay with {card} please, and send it to 14 Larkspur Crescent, Exeter EX4 6TN"
    reading = read([text])
    explained = reading.within([(0, text.index(card), text.index(card) + len(card))])
    assert [text[s:e] for s, e in _stretches(reading, explained)] == card.split()
    seen = TAGGER.entities(reading, explained=explained)[0]
    assert [e for e in seen if e.type == "ADDRESS"] == [
        e for e in TAGGER.entities(reading)[0] if e.start > text.index("send")
    ]
    assert len(TAGGER.judged(reading))
    assert not len(TAGGER.judged(reading, explained=reading.within([(0, 0, len(text))])))
    assert not reading.within([]).any()


def _stretches(reading: Reading, some: Mask) -> list[tuple[int, int]]:
    tokens = reading.tokens
    return [(int(tokens.starts[n]), int(tokens.ends[n])) for n in np.flatnonzero(some)]


def _met(entity: Entity, others: list[Entity]) -> bool:
    return any(o.type == entity.type and o.start < entity.end and entity.start < o.end for o in others)


def test_the_cache_of_words_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten million messages contain more distinct words than fit into memory."""
    monkeypatch.setattr(vectors, "_KNOWN_WORDS", 50)
    monkeypatch.setattr(words, "_MAX_KNOWN", 60)
    small = Tagger(TAGGER._weights, TAGGER._gate, {"PERSON": 0.5})
    known = WordTable(b"few")
    for number in range(40):
        text = " ".join(f"W{chr(97 + number % 26)}{chr(97 + n)}x" for n in range(26))
        small.entities(read([text], known=known))
        assert len(known.texts) <= 61 + 26
        assert small._known.count <= 51 + 26
    text = "Yesterday I met Wojciech Brzęczek."
    assert small.entities(read([text], known=known))[0] == [
        e for e in entities([text])[0] if e.type == "PERSON"
    ]


@pytest.mark.parametrize(
    "text", ["", " ", "\n\n", "?", "é", "\ud800", "\u200b", "a" * 100_000, "1 " * 20_000]
)
def test_unusual_texts_are_processed_without_an_error(text: str) -> None:
    """Empty text, one character, a lone surrogate, a word of 100,000 letters."""
    assert len(entities([text])) == 1


def test_weights_are_small_and_unchanged_by_a_file(tmp_path: Path) -> None:
    """The wheel has room for 8 MB. Weights read from a file are equal up to rounding."""
    path = Path(module.__file__).parent / "weights.npz"
    assert path.stat().st_size < 8_000_000
    weights = load_weights(path.read_bytes())
    assert weights.table.shape[0] == ROWS
    assert weights.bias.shape == (len(LABELS),)
    save_weights(weights, tmp_path / "weights.npz")
    again = load_weights((tmp_path / "weights.npz").read_bytes())
    assert np.abs(again.table - weights.table).max() < 0.02


def test_other_weights_than_the_pinned_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest records the digest of the model; it must be the model that ran."""
    assert len(tagger_digest()) == 64
    monkeypatch.setattr("hashlib.sha256", lambda *_: type("D", (), {"hexdigest": lambda _: "0" * 64})())
    with pytest.raises(DeidError, match=r"gate\.npz"):
        module._model_file("gate.npz")
