"""The figures of an evaluation equal figures calculated by hand, and the command prints them."""

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


def test_figures_equal_a_count_by_hand() -> None:
    """Recall counts spans that are covered completely, precision counts characters inside a label."""
    masked = [[Span(0, 7, "PERSON", 0.9), Span(8, 11, "PERSON", 0.6)], [Span(5, 8, "EMAIL_ADDRESS", 0.9)]]
    people = figures(masked, "PERSON")
    assert people["span_recall"] == 0.5
    assert people["span_precision"] == 0.5
    assert people["character_recall"] == round(6 / 8, 4)
    assert people["character_precision"] == round(6 / 9, 4)
    assert figures(masked, "EMAIL_ADDRESS")["span_recall"] == 0.0
    assert figures(masked, "EMAIL_ADDRESS")["character_recall"] == 0.5
    assert figures(masked, ALL)["span_recall"] == round(1 / 3, 4)


def test_a_span_masked_under_another_type_does_not_count_as_a_leak() -> None:
    """A name masked as a user name is masked. A separate figure requires the same type."""
    masked = [[Span(0, 14, "EMAIL_ADDRESS", 0.9)], []]
    assert figures(masked, "PERSON")["span_recall"] == 1.0
    assert figures(masked, "PERSON")["span_recall_same_type"] == 0.0


def test_labels_out_of_scope_do_not_affect_the_figures() -> None:
    """Rome is labelled, but its type is not detected. Masking it must not change precision."""
    masked = [[Span(18, 22, "PERSON", 0.9), Span(0, 7, "PERSON", 0.9)], []]
    assert figures(masked, "PERSON")["character_precision"] == 1.0
    assert figures(masked, "PERSON")["span_precision"] == 1.0


def test_intervals_contain_the_figure_and_shrink_with_more_texts() -> None:
    """If intervals ignored the number of texts, every difference would appear significant."""
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


def test_a_comparison_uses_the_same_resamples_for_both_configs() -> None:
    """Two equal configs have the difference zero, with an interval of zero width."""
    counts = count(TEXTS * 20, [[Span(0, 7, "PERSON", 0.9)], []] * 20, SCOPE)
    assert set(compare(counts, counts, 50)["PERSON"]["span_recall"]) == {0.0}


def test_the_list_of_misses_contains_offsets_and_no_text() -> None:
    """A reader of the list may lack permission to read the texts."""
    assert missed(TEXTS[0], [Span(0, 7, "PERSON", 0.9)], SCOPE) == [(12, 14, "PERSON")]


def test_labels_of_other_data_sets_map_to_entity_types() -> None:
    """Data sets use different labels for one entity type; a user can add more."""
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
def test_the_error_for_an_invalid_file_names_the_line(tmp_path: Path, line: str, message: str) -> None:
    """A user must be able to find a mistake in line 40,000."""
    (tmp_path / "x.jsonl").write_text(line)
    with pytest.raises(InputError, match=message):
        read_labelled(tmp_path / "x.jsonl", {})


def test_the_command_measures_and_compares(tmp_path: Path) -> None:
    """A user gets a page, a JSON document, and a comparison of a second config with the first."""
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
    assert refused.stderr == "chatsieve: evaluate: expected either --spans FILE or --synthetic N\n"


def test_figures_of_the_default_config_do_not_fall() -> None:
    """A change of rules or model that loses names must fail, on sentences that were not used in training."""
    document = evaluate(synthetic_texts(400, 3), draws=20)
    assert document["types"]["PERSON"]["character_recall"][0] > 0.75
    assert document["types"]["ADDRESS"]["character_recall"][0] > 0.8
    assert document["types"]["EMAIL_ADDRESS"]["span_recall"][0] > 0.99
    assert document["all"]["character_precision"][0] > 0.8
