"""Table cells are detected by their column header."""

from __future__ import annotations

import time

import pytest

from tests.support.deid_engines import pattern_scanner

SCANNER = pattern_scanner()


def masked(text: str) -> str:
    for span in reversed(SCANNER.scan([text])[0]):
        text = f"{text[: span.start]}<{span.type}>{text[span.end :]}"
    return text


@pytest.mark.parametrize(
    ("table", "hidden"),
    [
        ("| Who | DOB |\n|---|---|\n| x | 1985-03-12 |\n| y | 12/04/1990 |\n", ["1985-03-12", "12/04/1990"]),
        ("| Who | Phone |\n|:--|--:|\n| x | 138 0013 8000 |\n", ["138 0013 8000"]),
        ("who,passport number\nx,88213001\ny,88213002\n", ["88213001", "88213002"]),
        ('"who","account number"\n"a, b","12345678"\n"c ""d""","87654321"\n', ["12345678", "87654321"]),
        ("first_name;last_name;age\nAdaora;Okwuosa;41\n", ["Adaora", "Okwuosa"]),
        ("id\tusername\n1\tjdoe42\n2\tkim.s\n", ["jdoe42", "kim.s"]),
        ("a table:\r\nssn,who\r\n219099999,x\r\n", ["219099999"]),
        ("**Patient ID** | note\n--- | ---\nA-88213 | x", ["A-88213"]),
    ],
)
def test_a_cell_is_masked_by_its_column_header(table: str, hidden: list[str]) -> None:
    left = masked(table)
    assert [value for value in hidden if value in left] == []
    assert left.count("\n") == table.count("\n")


@pytest.mark.parametrize(
    "text",
    [
        "name,price\nBlue Widget,1234567\n",
        "def f(a, username, b):\n    g(a, some_value, b)\n",
        "insert into t (id, username, x)\nvalues (1, some_value, x)\n",
        "| phone | ok |\n\n| 12345678 | x |",
        "| phone | ok |\n| n/a | x |\n| - | y |\n",
        "what is your phone, or mail\n12345678 is not it, is it, no\n",
        "a, birthdate\nx, {'when': '2008-03-29'}\n",
        "| Field | Phone |\n|---|---|\n| type | string |",
        "| Who | DOB |\n|---|---|\n| x | <DATE_OF_BIRTH_1> |\n| y | USERNAME_12345 |\n",
    ],
)
def test_text_without_such_a_table_is_unchanged(text: str) -> None:
    assert masked(text) == text


def test_a_long_table_takes_time_linear_in_its_length() -> None:
    """Every row could be the header of another table."""

    def seconds(rows: int) -> float:
        text = "phone,login\n" * rows
        started = time.process_time()
        SCANNER.scan([text])
        return time.process_time() - started

    seconds(100)
    assert seconds(40_000) < 12 * max(seconds(10_000), 0.01)
