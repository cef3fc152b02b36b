"""The small model: what it finds, and that what it finds depends on the text alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from schemas.deid import TaggerConfig
from schemas.errors import DeidError
from transforms.deid import tagger as module
from transforms.deid.tagger import LABELS, Tagger, load_weights, save_weights, shipped_tagger, tagger_digest
from transforms.deid.tokens import ROWS, tokens_of
from transforms.synthetic.fill import generate_texts

TAGGER = shipped_tagger(TaggerConfig(person=0.5, person_agreed=0.5, person_alone=0.5, person_in_code=0.5))


def found(text: str, kind: str) -> list[str]:
    return [text[e.start : e.end] for e in TAGGER.entities([text])[0] if e.type == kind]


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
    """A house number that is left is half the way to the door."""
    assert address in " | ".join(found(text, "ADDRESS"))


@pytest.mark.parametrize(
    "name", ["Oyelaran Adebisi", "Wojciech Brzęczek", "Sunniva Haugstad", "Nguyen Thi Lan"]
)
def test_people_on_no_list_are_found(name: str) -> None:
    """Most people of the world are on no list of names."""
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
def test_what_is_neither_is_left(text: str) -> None:
    """A masked product or room number makes the text worse and hides nobody."""
    assert TAGGER.entities([text]) == [[]]


def test_a_text_has_the_same_entities_in_any_company() -> None:
    """Which sessions share a batch is chance; what is masked may not be."""
    texts = [one.text for one in generate_texts(120, 11)]
    assert TAGGER.entities(texts) == [TAGGER.entities([text])[0] for text in texts]


def test_a_long_text_is_read_as_if_in_one_piece() -> None:
    """Pieces overlap as far as the model looks, so no name is lost where two meet."""
    text = " ".join(one.text for one in generate_texts(400, 12))
    tokens = tokens_of(text)
    assert len(tokens.words) > 5_000
    whole = module.probabilities_of(TAGGER._weights, TAGGER._embed(tokens))
    assert np.abs(TAGGER.probabilities([tokens])[0] - whole).max() < 1e-4


def test_the_words_it_remembers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten million messages hold more different words than memory."""
    monkeypatch.setattr(module, "_KNOWN_WORDS", 50)
    small = Tagger(TAGGER._weights, {"PERSON": 0.5})
    for number in range(40):
        small.entities([" ".join(f"w{chr(97 + number % 26)}{chr(97 + n)}x" for n in range(26))])
    assert len(small._known) <= 76
    assert small.entities(["Yesterday I met Wojciech Brzęczek."]) == [
        [e for e in TAGGER.entities(["Yesterday I met Wojciech Brzęczek."])[0] if e.type == "PERSON"]
    ]


@pytest.mark.parametrize(
    "text", ["", " ", "\n\n", "?", "é", "\ud800", "\u200b", "a" * 100_000, "1 " * 20_000]
)
def test_odd_texts_are_no_trouble(text: str) -> None:
    """Empty, one sign, a lone surrogate, a word of 100,000 letters."""
    assert len(TAGGER.entities([text])) == 1


def test_weights_are_small_and_survive_a_file(tmp_path: Path) -> None:
    """At most 8 MB in the wheel; what is read back gives the same entities."""
    path = Path(module.__file__).parent / "model/weights.npz"
    assert path.stat().st_size < 8_000_000
    weights = load_weights(path.read_bytes())
    assert weights.table.shape[0] == ROWS
    assert weights.bias.shape == (len(LABELS),)
    save_weights(weights, tmp_path / "weights.npz")
    again = load_weights((tmp_path / "weights.npz").read_bytes())
    assert np.abs(again.table - weights.table).max() < 0.02


def test_other_weights_than_the_pinned_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest names the model's digest; it must be the model that ran."""
    assert len(tagger_digest()) == 64
    monkeypatch.setattr("hashlib.sha256", lambda *_: type("D", (), {"hexdigest": lambda _: "0" * 64})())
    with pytest.raises(DeidError, match=r"weights\.npz"):
        module._weights_file()
