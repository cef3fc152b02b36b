"""A configuration file of any content is read or refused in bounded time, with one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import ConfigError
from schemas.yaml_tree import MAX_CHARACTERS, MAX_LEVELS, MAX_VALUES, load_tree

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, "aliases written out"),
        ("a: &a [*a]", "nested deeper"),
        ("a: &a {b: *a}", "nested deeper"),
        ("a: " + "[" * 100_000, "nested deeper"),
        ("{a: " * 60_000, "nested deeper"),
        ("- " * 100_000, "nested deeper"),
        ("? " * 100_000, "nested deeper"),
        ("a: [" + "1," * 100_000 + "1]", "more than 10,000 keys and values"),
        ("a: " + "x" * 10_000_000, "longer than 262,144 characters"),
        ("# " + "\n" * 10_000_000, "longer than 262,144 characters"),
    ],
    ids=lambda value: value[:12],
)
def test_a_file_that_explodes_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """Ten lines of aliases stand for 10**11 values, and a bracket per byte exhausts the stack."""
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        load_tree(path)
    assert "\n" not in str(caught.value)


def _nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def _listed(values: int) -> str:
    """A mapping with one key and a list: three values more than the list has."""
    return f"a: [{','.join(['1'] * (values - 3))}]"


@pytest.mark.parametrize(
    ("allowed", "refused"),
    [
        (_nested(MAX_LEVELS + 1), _nested(MAX_LEVELS + 2)),
        (_listed(MAX_VALUES), _listed(MAX_VALUES + 1)),
        ("a: " + "x" * (MAX_CHARACTERS - 3), "a: " + "x" * (MAX_CHARACTERS - 2)),
        ("a: &a [1, 2]\nb: [*a, *a]", f"a: &a [{'1, ' * 200}1]\nb: [{'*a, ' * 60}*a]"),
    ],
    ids=["levels", "values", "characters", "aliases"],
)
def test_the_limits_are_where_they_are_documented(tmp_path: Path, allowed: str, refused: str) -> None:
    """A file at a limit is read; one above it is not."""
    path = tmp_path / "c.yaml"
    path.write_text(allowed)
    load_tree(path)
    path.write_text(refused)
    with pytest.raises(ConfigError):
        load_tree(path)
