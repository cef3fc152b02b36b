"""The second look at what will be written costs what the text is long, however much it has to look at."""

from __future__ import annotations

import random

import pytest

from transforms.deid import residual
from transforms.deid.line_signs import is_code_line
from transforms.deid.patterns import PatternScanner
from transforms.deid.residual import ResidualCheck
from transforms.deid.spans import Made, Segment, Span

CHECK = ResidualCheck(PatternScanner(), {"BANK_ACCOUNT", "CREDIT_CARD", "PHONE_NUMBER", "SECRET"})


def left(text: str) -> list[Span]:
    return CHECK.left([Segment(text, "user")], [Made(text, [], [])], [[]])[0]


def test_a_line_is_looked_at_once_however_many_hits_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pasted table in one line took minutes: each number in it had the whole line read again."""
    made = random.Random(3)
    line = ", ".join(f"{made.randrange(10**9, 10**10)} ab" for _ in range(400))
    seen: list[str] = []

    def counted(text: str) -> bool:
        seen.append(text)
        return is_code_line(text)

    monkeypatch.setattr(residual, "is_code_line", counted)
    found = left(f"one\n{line}\n\nthe last {made.randrange(10**9, 10**10)} of them")
    assert len(found) > 300
    assert len(seen) == len(set(seen)) == 2


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("it is 4820573916 indeed", 1),
        ("x = f(4820573916) == 4820573916;", 0),
        ("```\n4820573916\n```\nit is 4820573917", 1),
        ("it is 4820573916\nreturn 4820573918;\nit is 4820573917", 2),
    ],
)
def test_numbers_in_code_are_left(text: str, count: int) -> None:
    """What a program computes with is nobody's; a line decides for itself, and so does a fence."""
    assert len(left(text)) == count
