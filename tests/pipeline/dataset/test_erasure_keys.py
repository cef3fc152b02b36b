"""What `forget` is asked: each id once, whatever it looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands.erasure_keys import keys_asked
from schemas.errors import ConfigError
from schemas.keys import KeyedHasher

_KEY = bytes(32)


def test_an_id_that_looks_like_a_key_is_one_id_with_two_keys() -> None:
    """Many systems use 32 hex digits as ids; which of both it is, only the logs of later runs show."""
    text = "0123456789abcdef" * 2
    asked = keys_asked([text], ["c-1"], None, _KEY)
    hasher = KeyedHasher(_KEY)
    assert asked.users == {frozenset([bytes.fromhex(text), hasher.user(text)])}
    assert asked.conversations == {frozenset([hasher.conversation("c-1")])}
    assert len(asked.keys.users) == 2


def test_an_id_given_twice_is_asked_once(tmp_path: Path) -> None:
    """As an option and in a list."""
    (tmp_path / "list.csv").write_text("kind,id\nuser,u-1\nuser,u-2\n")
    assert len(keys_asked(["u-1", "u-1"], [], tmp_path / "list.csv", _KEY).users) == 2


def test_nothing_asked_is_refused() -> None:
    """An empty erasure would leave a certificate of nothing."""
    with pytest.raises(ConfigError, match="at least one id"):
        keys_asked([], [], None, _KEY)


@pytest.mark.parametrize("text", ["", " ", "u ", "u\N{ZERO WIDTH SPACE}", "u\tv", "u\x85v", "u\udcff"])
def test_an_id_that_no_record_can_have_is_refused(text: str) -> None:
    """It would be counted as unknown, and the request would seem to be fulfilled. The last is not UTF-8."""
    for users, conversations in (([text], []), ([], [text])):
        with pytest.raises(ConfigError, match="correct the id"):
            keys_asked(users, conversations, None, _KEY)


def test_an_id_with_white_space_inside_is_one() -> None:
    """Only the ends are trimmed by other systems."""
    assert len(keys_asked(["Zo\N{LATIN SMALL LETTER E WITH DIAERESIS} 1"], [], None, _KEY).users) == 1
