"""Messages of errors keep the program's words and lose all others."""

from __future__ import annotations

import pytest

from pipeline.telemetry.wording import masked_message, own_words


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("/srv/logs/Jane Doe.jsonl.gz: no such input", "/srv/logs/<NAME>.jsonl.gz: no such input"),
        ("out: holds a dataset already (version 1)", "out: holds a dataset already (version 1)"),
        ("interrupted; everything written was removed", "interrupted; everything written was removed"),
        ("zzofqa: changed at 2026-03-01T02:31:45Z", "<NAME>: changed at 2026-03-01T02:31:45Z"),
        ("inputs[0].max_record_bytes: 5 of 1234567", "inputs[0].max_record_bytes: 5 of <NAME>"),
        ("user +33 6 12 34 56 78 in zoé.csv", "user <PHONE_NUMBER> in <NAME>.csv"),
        ("3fa9c1d2-0000-4000-8000-123456789abc", "<NAME>-0000-<NAME>"),
    ],
)
def test_only_known_words_remain(message: str, shown: str) -> None:
    """A file named after a person is in many messages."""
    assert masked_message(message) == shown


def test_the_words_of_the_program_are_no_names() -> None:
    """A list of names in the code would let every name through; so would examples of pages and schemas."""
    assert {"cannot", "snapshot", "holds"} <= own_words()
    assert not {"Jane", "Doe", "Maria", "Müller", "Zoé", "Oyelaran", "jane", "maria", "SUCCESS"} & own_words()
