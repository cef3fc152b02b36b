"""Training texts with hard names and with none: labels fit their texts, and a seed gives the same texts."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import yaml

from transforms.sample.texts.fill import Template, fill
from transforms.training.examples import IGNORED, UNSURE, example_of
from transforms.training.frames import SOURCE_WORD, framed, frames
from transforms.training.renamed import KINDS, renamed
from transforms.training.sentences import sentence
from transforms.training.sources import pieces, words_of

TRAINING = Path(__file__).resolve().parents[2] / "transforms/training"
WORDS = {"identifier": ["HttpClient"], "acronym": ["JSON"]}


def labelled(text: str, spans: list[tuple[int, int, str]], kind: str = "PERSON") -> list[str]:
    return [text[start:end] for start, end, label in spans if label == kind]


def test_renaming_keeps_all_other_text_and_labels() -> None:
    """A label that is shifted by one character teaches the model to cut names."""
    text = "Ann Lee met Bob in Oslo. Bob left, Ann Lee wrote to bob@example.com."
    spans = [
        (0, 7, "PERSON"),
        (12, 15, "PERSON"),
        (19, 23, "LOCATION"),
        (25, 28, "PERSON"),
        (35, 42, "PERSON"),
    ]
    for seed in range(200):
        made, moved = renamed(text, spans, random.Random(seed))
        first, second, third, fourth = labelled(made, moved)
        assert (first, second) == (fourth, third)
        assert labelled(made, moved, "LOCATION") in (["Oslo"], ["oslo"])
        expected = f"{first} met {second} in Oslo. {second} left, {first} wrote to bob@example.com."
        assert made in (expected, expected.lower())


def test_every_kind_of_name_is_made() -> None:
    """The kinds are what the model misses; one that is never made is never learned."""
    made = {kind: set() for kind in KINDS}
    for kind in KINDS:
        for seed in range(40):
            name = labelled(*renamed("Ann", [(0, 3, "PERSON")], random.Random(seed), [kind]))[0]
            assert name == name.strip()
            assert name
            made[kind].add(name)
    assert all(len(names) > 15 for names in made.values())
    assert not any(name.isascii() for name in made["script"])
    assert all(len(name.split()) >= 2 for name in made["particle"] | made["full"] | made["initials"])


@pytest.mark.parametrize(("old", "keeps"), [("ANN LEE", str.isupper), ("ann lee", str.islower)])
def test_renaming_keeps_the_case_of_a_name(old: str, keeps: object) -> None:
    """A name in another case than its text is another kind of example."""
    for seed in range(30):
        made, moved = renamed(f"by {old}", [(3, 3 + len(old), "PERSON")], random.Random(seed), ["full"])
        name = labelled(made, moved)[0]
        assert keeps(name) or made == made.lower()  # type: ignore[operator]


def test_the_order_of_a_reversed_name_is_kept() -> None:
    """ "Lee, Ann" has its own form, which other names have to keep."""
    made, moved = renamed("1. Lee, Ann", [(3, 11, "PERSON")], random.Random(4))
    assert labelled(made, moved)[0].count(", ") == 1


def test_every_frame_can_be_filled() -> None:
    """A slot that does not exist ends a training after minutes."""
    for kind, some in frames().items():
        for frame in some:
            made = fill(Template("x", "chat", SOURCE_WORD.sub("HttpClient", frame)), random.Random(1))
            assert "<<" not in made.text
            assert bool(labelled(made.text, made.spans)) == (kind == "people"), frame


def test_frames_are_a_function_of_the_seed() -> None:
    """The training has to be repeatable."""
    first = list(framed(200, 5, WORDS))
    assert first == list(framed(200, 5, WORDS))
    assert first != list(framed(200, 6, WORDS))
    assert all(text[start:end].strip() for text, spans in first for start, end, _ in spans)


def test_sources_have_no_person_and_lines_that_may_have_one_are_left_out(tmp_path: Path) -> None:
    """A wrong label "no person" for an author would teach the model to miss names."""
    (tmp_path / "one.py").write_text(
        "\n".join(f"class HttpClient{n}(BaseClient):  # Returns JSON" for n in range(60))
        + "\n# Author: Qorbl Trovnik\n"
        + "\n".join(f"value_{n} = Registry.Lookup({n})" for n in range(60))
    )
    made = list(pieces([tmp_path / "one.py"], 100_000, random.Random(1)))
    assert len(made) > 5
    assert {label for _, spans in made for _, _, label in spans} == {UNSURE}
    (author,) = [(text, spans) for text, spans in made if "Trovnik" in text]
    assert any("Trovnik" in part for part in labelled(*author, UNSURE))
    example = example_of(*author)
    assert example is not None
    assert IGNORED in example.labels
    assert set(example.labels) <= {0, IGNORED}
    assert words_of([text for text, _ in made])["identifier"] == ["BaseClient"]


def test_sources_are_shown_as_sessions_show_them(tmp_path: Path) -> None:
    """Line numbers, diffs and the output of grep are what the model took for people and addresses."""
    (tmp_path / "one.py").write_text("\n".join(f"first_{n} = SecondValue({n})" for n in range(2_000)))
    texts = [text for text, _ in pieces([tmp_path / "one.py"], 100_000, random.Random(1))]
    for form in ("\t", "→", "@@ -", f"{tmp_path.name}/one.py:"):
        assert sum(form in text for text in texts) > 5
    assert sum(map(len, texts)) <= 100_000
    assert texts == [text for text, _ in pieces([tmp_path / "one.py"], 100_000, random.Random(1))]


def test_every_short_sentence_can_be_filled_and_labels_only_people() -> None:
    """A part that does not exist, or a name in a sentence of things, would end or spoil a training."""
    random_ = random.Random(3)
    for kind in ("people", "nothing"):
        made = {sentence(kind, random_) for _ in range(3_000)}
        assert len(made) > 2_500
        for frame in made:
            filled = fill(Template("x", "chat", frame), random.Random(1))
            assert not set("{}") & set(filled.text)
            assert "<<" not in filled.text
            assert bool(labelled(filled.text, filled.spans)) == (kind == "people"), frame


def test_the_parts_of_short_sentences_are_all_used() -> None:
    """A misspelt part would never be drawn."""
    grammar = yaml.safe_load((TRAINING / "sentences.yaml").read_text("utf-8"))
    lines = [
        *grammar["people"],
        *grammar["nothing"],
        *(line for some in grammar["parts"].values() for line in some),
    ]
    used = {part for line in lines for part in re.findall(r"\{(\w+)\}", line)}
    assert used == set(grammar["parts"])
    assert all(isinstance(line, str) for line in lines), "YAML reads yes and no as truth values"
