"""What a run takes over from the state of the version before it."""

from __future__ import annotations

from typing import NamedTuple


class KnownFacts(NamedTuple):
    """State of facts to be read instead of input files.

    `folder`: of the version before, a path or URL.
    """

    folder: str
