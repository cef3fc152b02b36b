"""Numbers that JSON allows and nothing holds: a fault of a field, whatever the format."""

from __future__ import annotations

import pytest

from transforms.sources.decode import json_fault


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a": 1e400}', "bad_field"),
        (b'{"a": -1e999}', "bad_field"),
        (b"9" * 5000, "bad_field"),
        (b'{"a": 1e400, "b": "\\ud800"}', "invalid_unicode"),
        (b'{"a": 1e400, "b": "\xff"}', "invalid_unicode"),
        (b'{"a": 1e400', "malformed_json"),
        (b'{"a": NaN}', "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
    ],
)
def test_a_number_that_no_decoder_accepts_has_its_own_fault_code(data: bytes, code: str) -> None:
    """An error about invalid characters would not lead to the number."""
    assert json_fault(data) == code
