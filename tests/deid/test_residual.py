"""The residual check takes time linear in the text, however many hits it has."""

from __future__ import annotations

import random
import re

import pytest

from tests.support.deid_engines import pattern_scanner
from tests.support.deid_values import FOUND
from transforms.deid import residual
from transforms.deid.people.line_signs import is_code_line
from transforms.deid.residual import ResidualCheck
from transforms.deid.spans import MaskedText, Segment, Span

TYPES = "BANK_ACCOUNT CREDIT_CARD EMAIL_ADDRESS IBAN_CODE PHONE_NUMBER SECRET US_SSN".split()
CHECK = ResidualCheck(pattern_scanner(), TYPES)
#: Numbers in common forms: with spaces, brackets, dots, extensions, and digits of other scripts.
NUMBERS = [
    "020 7946 0958",
    "0207-946-0958 x12",
    "(0845) 46 47 ext. 12",
    "202.456.1111",
    "202/456/1111",
    "202\u2013456\u20131111",
    "\uff0844\uff0920\u30fc7946\u30fc0958",
    "202 456 1111 - 503#",
    "202-456-1111;ext=77",
    "tel 202\u00a0456\u00a01111 int 3",
    "0x20 7946 0958",
    "2026-03-05T10:10:10.123Z 7",
    "078-05-1120",
    "457-55-5462",
    "457 55 5462",
    "gb82west12345698765432",
    "DE89 3704 0044 0532 0130 00",
]


def left(text: str) -> list[Span]:
    return CHECK.left([Segment(text, "user")], [MaskedText(text, [], [])], [[]])[0]


def test_a_line_is_classified_once_however_many_hits_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pasted table in one line took minutes, because the whole line was classified for each number."""
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


def test_windows_for_stock_recognizers_lose_no_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stock recognizers run only on windows that match `_NEEDED`, for speed."""
    values = [*NUMBERS, *(value for values in FOUND.values() for value in values)]
    texts = [around.format(value) for value in values for around in ("{}", "it is {} then", "ab {0}\n12 {0}")]
    few = [left(text) for text in texts]
    monkeypatch.setattr(residual, "_NEEDED", dict.fromkeys(residual._NEEDED, re.compile("")))
    assert few == [left(text) for text in texts]
    assert {span.type for spans in few for span in spans} >= set(residual._NEEDED)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("it is 4820573916 indeed", 1),
        ("x = f(4820573916) == 4820573916;", 0),
        ("```\n4820573916\n```\nit is 4820573917", 1),
        ("it is 4820573916\nreturn 4820573918;\nit is 4820573917", 2),
    ],
)
def test_the_residual_check_ignores_numbers_in_code(text: str, count: int) -> None:
    """Numbers in programs are not personal data. Each line and each fence is classified separately."""
    assert len(left(text)) == count
