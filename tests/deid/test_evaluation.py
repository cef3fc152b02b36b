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
from transforms.deid.overmasking import over_masking
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


def test_a_text_is_without_leak_if_every_label_is_covered() -> None:
    """Users ask how many documents are safe; one leaked name makes a document unsafe."""
    leaking = [[Span(0, 7, "PERSON", 0.9)], [Span(5, 11, "EMAIL_ADDRESS", 0.9)]]
    assert figures(leaking, ALL)["texts_without_leak"] == 0.5
    assert figures(leaking, "PERSON")["texts_without_leak"] == 0.0
    clean = [[Span(0, 7, "USERNAME", 0.9), Span(12, 14, "PERSON", 0.9)], [Span(5, 11, "EMAIL_ADDRESS", 0.9)]]
    assert figures(clean, ALL)["texts_without_leak"] == 1.0
    assert figures(clean, ALL)["sessions_without_leak"] == 1.0


def test_a_session_is_without_leak_if_all_its_texts_are() -> None:
    """A leak in one turn exposes the whole conversation. A session without labels is not counted."""
    texts = [
        TEXTS[0]._replace(session="a"),
        TEXTS[1]._replace(session="b"),
        TEXTS[1]._replace(session="a"),
        Labelled("Nothing here", [], "c"),
    ]
    mail = [Span(5, 11, "EMAIL_ADDRESS", 0.9)]
    measured = measure(count(texts, [[], mail, mail, []], SCOPE), 20)
    assert measured[ALL].figures["sessions_without_leak"].value == 0.5
    assert measured[ALL].figures["texts_without_leak"].value == round(2 / 3, 4)
    assert measured["EMAIL_ADDRESS"].figures["sessions_without_leak"].value == 1.0


def test_masking_without_a_label_is_counted_by_type() -> None:
    """Recall alone rewards masking everything. Places of labels are counted whatever their type."""
    masked = [
        [Span(0, 7, "PERSON", 0.9), Span(8, 14, "PERSON", 0.9), Span(18, 22, "ADDRESS", 0.9)],
        [Span(0, 4, "SECRET", 0.9)],
        [Span(0, 5, "PERSON", 0.9), Span(6, 9, "SECRET", 0.9)],
        [],
    ]
    counted = over_masking([*TEXTS, Labelled("Plain tex", []), Labelled("Plain", [])], masked)
    assert counted["negatives"] == {
        "texts": 2,
        "masked_texts": 1,
        "characters": 13,
        "types": {"PERSON": {"spans": 1, "characters": 5}, "SECRET": {"spans": 1, "characters": 3}},
    }
    assert counted["outside_labels"] == {
        "characters": 5 + 7 + 13,
        "types": {"PERSON": {"spans": 1, "characters": 3 + 5}, "SECRET": {"spans": 2, "characters": 4 + 3}},
    }


def test_texts_of_one_session_are_masked_together(tmp_path: Path) -> None:
    """A value that only one turn makes clear is masked in the others, as in a run."""
    lines = [
        {"text": "my password is tr4ckSh0ff!", "spans": [[15, 26, "SECRET"]], "session": "a"},
        {"text": "then I typed tr4ckSh0ff! there", "spans": [[13, 24, "SECRET"]], "session": "a"},
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, lines)))
    together = evaluate(read_labelled(tmp_path / "x.jsonl", {}), draws=10)
    assert together["all"]["sessions_without_leak"][0] == 1.0
    alone = evaluate([Labelled(one["text"], one["spans"]) for one in lines], draws=10)  # type: ignore[arg-type]
    assert alone["all"]["texts_without_leak"][0] == 0.5


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


@pytest.mark.faults
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
    assert "texts without any leak: " in page.stdout
    assert "spans outside of labels: " in page.stdout
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
