"""Names of source files for the output: relative, with personal data masked.

Folder names of coding sessions contain the user's name, names of export archives the e-mail address.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transforms.deid.rules.scanner import PatternScanner
    from transforms.deid.spans import Span

#: A process masks this many names without a pattern scanner, which takes long to build.
_FEW = 500
_ASKED = itertools.count()


def display_name(path: str, roots: Sequence[str], input_number: int) -> str:
    """The path relative to its input's root, masked."""
    return masked_name(os.path.relpath(path, roots[input_number] or os.curdir))


@functools.lru_cache(16_384)
def masked_name(name: str) -> str:
    """A name with each structured identifier replaced by its entity type."""
    for span in reversed(_spans(name)):
        name = f"{name[: span.start]}<{span.type}>{name[span.end :]}"
    return name


def _spans(name: str) -> list[Span]:
    """The spans of identifiers in a name. The rules are imported here because few processes need them."""
    if next(_ASKED) < _FEW:
        from transforms.deid.rules.catalogue import spans_of

        return spans_of(name)
    return _scanner().scan([name])[0]


@functools.cache
def _scanner() -> PatternScanner:
    from transforms.deid.rules.scanner import PatternScanner

    return PatternScanner()
