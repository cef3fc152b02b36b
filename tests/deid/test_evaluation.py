"""Figures of an evaluation, by hand on small examples, and the command as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.commands.evaluate import evaluate, read_labelled, synthetic_texts, types_of
from schemas.errors import InputError
from transforms.deid.evaluation import ALL, Labelled, compare, count, measure, missed, type_of
from transforms.deid.spans import Span

SCOPE = ["PERSON", "EMAIL_ADDRESS"]
TEXTS = [
    Labelled("Ann Lee met Bo in Rome", [(0, 7, "PERSON"), (12, 14, "PERSON"), (18, 22, "LOCATION")]),
    Labelled("mail a@b.de now", [(5, 11, "EMAIL_ADDRESS")]),
]


def figures(masked: list[list[Span]], kind: str) -> dict[str, float | None]:
    measured = measure(count(TEXTS, masked, SCOPE), 20)
    return {name: figure.value for name, figure in measured[kind].figures.items()}


def test_figures_are_what_a_hand_counts() -> None:
    """Recall by spans counts what is wholly covered, precision by character what lies in a label."""
    masked = [[Span(0, 7, "PERSON", 0.9), Span(8, 11, "PERSON", 0.6)], [Span(5, 8, "EMAIL_ADDRESS", 0.9)]]
    people = figures(masked, "PERSON")
    assert people["span_recall"] == 0.5
    assert people["span_precision"] == 0.5
    assert people["character_recall"] == round(6 / 8, 4)
    assert people["character_precision"] == round(6 / 9, 4)
    assert figures(masked, "EMAIL_ADDRESS")["span_recall"] == 0.0
    assert figures(masked, "EMAIL_ADDRESS")["character_recall"] == 0.5
    assert figures(masked, ALL)["span_recall"] == round(1 / 3, 4)


def test_what_is_masked_does_not_leak_whatever_it_was_taken_for() -> None:
    """A name that is masked as a user name is masked; the figure by same type says so."""
    masked = [[Span(0, 14, "EMAIL_ADDRESS", 0.9)], []]
    assert figures(masked, "PERSON")["span_recall"] == 1.0
    assert figures(masked, "PERSON")["span_recall_same_type"] == 0.0


def test_labels_out_of_scope_are_neither_right_nor_wrong() -> None:
    """Rome is labelled and not looked for: masking it says nothing of precision."""
    masked = [[Span(18, 22, "PERSON", 0.9), Span(0, 7, "PERSON", 0.9)], []]
    assert figures(masked, "PERSON")["character_precision"] == 1.0
    assert figures(masked, "PERSON")["span_precision"] == 1.0


def test_intervals_hold_the_figure_and_shrink_with_more_texts() -> None:
    """An interval that ignores how much was measured would make every difference look real."""
    masked = [[Span(0, 7, "PERSON", 0.9)], []]
    few = measure(count(TEXTS * 5, masked * 5, SCOPE), 300)["PERSON"].figures["character_recall"]
    many = measure(count(TEXTS * 200, masked * 200, SCOPE), 300)["PERSON"].figures["character_recall"]
    for one in (few, many):
        assert one.low is not None
        assert one.high is not None
        assert one.value is not None
        assert one.low <= one.value <= one.high
    mixed = [*masked, [], []] * 5
    wide = measure(count(TEXTS * 10, mixed, SCOPE), 300)["PERSON"].figures["character_recall"]
    narrow = measure(count(TEXTS * 200, mixed * 20, SCOPE), 300)["PERSON"].figures["character_recall"]
    assert (wide.high or 0) - (wide.low or 0) > (narrow.high or 0) - (narrow.low or 0)


def test_a_comparison_is_over_the_same_draws() -> None:
    """Two equal configs differ by exactly nothing, with no interval around it."""
    counts = count(TEXTS * 20, [[Span(0, 7, "PERSON", 0.9)], []] * 20, SCOPE)
    assert set(compare(counts, counts, 50)["PERSON"]["span_recall"]) == {0.0}


def test_misses_name_places_not_text() -> None:
    """Whoever reads the list may not be allowed to read the texts."""
    assert missed(TEXTS[0], [Span(0, 7, "PERSON", 0.9)], SCOPE) == [(12, 14, "PERSON")]


def test_labels_of_other_sets_are_ours() -> None:
    """Data sets name the same thing in many ways; a user may add more."""
    assert type_of("street_address", {}) == "ADDRESS"
    assert type_of("PER", {"PER": "USERNAME"}) == "USERNAME"
    assert type_of("whatever", {}) == "WHATEVER"
    assert types_of(["A=PERSON"]) == {"A": "PERSON"}
    with pytest.raises(InputError, match="LABEL=TYPE"):
        types_of(["A"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: expected"),
        ('{"text": "x"}', "line 1: expected"),
        ('{"text": "abc", "spans": [[0, 9, "PERSON"]]}', "line 1: a span is outside"),
        ('{"text": "abc", "spans": [[2, 1, "PERSON"]]}', "line 1: a span is outside"),
        ("", "no labelled text"),
    ],
)
def test_a_bad_file_is_told_by_its_line(tmp_path: Path, line: str, message: str) -> None:
    """A typing error in line 40,000 has to be found."""
    (tmp_path / "x.jsonl").write_text(line)
    with pytest.raises(InputError, match=message):
        read_labelled(tmp_path / "x.jsonl", {})


def test_the_command_measures_and_compares(tmp_path: Path) -> None:
    """As a user runs it: a page for people, a document for programs, a second config against the first."""
    root = Path(__file__).resolve().parents[2]
    text = (root / "configs/deid/default.yaml").read_text()
    (tmp_path / "no-names.yaml").write_text(text.replace("  PERSON: 0.6\n", ""))
    command = [sys.executable, "-m", "pipeline.cli.main", "evaluate"]
    page = subprocess.run(
        [*command, "--synthetic", "60"], capture_output=True, text=True, cwd=root, check=True
    )
    assert "PERSON" in page.stdout
    assert max(map(len, page.stdout.splitlines())) <= 80
    ran = subprocess.run(
        [*command, "--synthetic=60", f"--against={tmp_path}/no-names.yaml", "--json", "--draws=50"],
        capture_output=True, text=True, cwd=root, check=True,
    )  # fmt: skip
    document = json.loads(ran.stdout)
    assert document["difference"]["PERSON"]["span_recall"][0] < -0.3
    assert document["speed_ratio"] > 0
    refused = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert refused.returncode == 2
    assert refused.stderr == "chatsieve: expected either --spans FILE or --synthetic N\n"


def test_figures_of_the_default_config_stay_up() -> None:
    """A change of rules or model that loses names is seen here, on sentences the model has not learned."""
    document = evaluate(synthetic_texts(400, 3), draws=20)
    assert document["types"]["PERSON"]["character_recall"][0] > 0.75
    assert document["types"]["ADDRESS"]["character_recall"][0] > 0.8
    assert document["types"]["EMAIL_ADDRESS"]["span_recall"][0] > 0.99
    assert document["all"]["character_precision"][0] > 0.8
