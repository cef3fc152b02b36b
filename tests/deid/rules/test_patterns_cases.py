"""Tables of cases: values that must be masked in any context, and texts that must stay unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.support.deid_engines import pattern_scanner

SCANNER = pattern_scanner()
CASES = Path(__file__).resolve().parents[3] / "tests/cases"
HIDDEN = [
    pytest.param(case["text"], str(case["hidden"]), id=f"{family}-{number}")
    for family, cases in yaml.safe_load((CASES / "deid_found.yaml").read_text()).items()
    for number, case in enumerate(cases)
]
LEFT = [
    pytest.param(text, id=f"{family}-{number}")
    for family, texts in yaml.safe_load((CASES / "deid_left.yaml").read_text()).items()
    for number, text in enumerate(texts)
]


def masked(text: str) -> str:
    for span in reversed(SCANNER.scan([text])[0]):
        text = f"{text[: span.start]}<{span.type}>{text[span.end :]}"
    return text


@pytest.mark.parametrize(("text", "hidden"), HIDDEN)
def test_each_value_that_must_be_masked_is_masked(text: str, hidden: str) -> None:
    """Each line leaked once, or has the form of a leak that is common in code and chats."""
    assert hidden in text
    assert hidden not in masked(text)


@pytest.mark.parametrize("around", ["{}", "x = '{}'\n", '{{"cmd": "{}"}}', "漢字 {} é", "a\n{}\nb"])
def test_each_value_that_must_be_masked_is_masked_in_other_contexts(around: str) -> None:
    """A rule must not depend on the start of a text or on ASCII around the value."""
    cases = [case.values for case in HIDDEN]
    assert [case for case in cases if str(case[1]) in masked(around.format(case[0]))] == []


@pytest.mark.parametrize("text", LEFT)
def test_each_text_without_a_value_is_unchanged(text: str) -> None:
    """Each line was masked before, here or by stock recognizers, although it identifies no person."""
    assert masked(text) == text
