"""What a run takes over from the state of the version before it, and what is to be read instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from transforms.sources.base import PlanTask
from transforms.storage.leases import Lease

#: Names of the files of a version's state, by kind; each kind has `parts` of them but `files`, which has one.
FACTS, UNITS, FILES = "facts", "units", "files"


class Planned(NamedTuple):
    """A task with the keys of its files.

    `place`: the key of what is planned together. `files`: the key of each path of the task in its present
    state. `is_known`: for each path, whether the version before knows the file. `state`: for a task whose
    files are linked to each other, the state file that has the units of its place in the version before; ""
    where there is none. `positions`: for each path, its position in the input if its digest is wanted.
    """

    task: PlanTask
    place: bytes = b""
    files: tuple[bytes, ...] = ()
    is_known: tuple[bool, ...] = ()
    state: str = ""
    positions: tuple[int | None, ...] = ()


class KnownFacts(NamedTuple):
    """State of facts to be read instead of input files.

    `folder`: of the version before, a path or URL; its state has `parts` parts. `places`: by part, the tasks
    of which no file changed.
    """

    folder: str
    parts: int
    places: Sequence[tuple[int, Sequence[Planned]]]

    def file(self, kind: str, part: int) -> str:
        """The path of a part in the version before."""
        return f"{self.folder}/{state_name(kind, part, self.parts)}"


class Kept(NamedTuple):
    """Where a run writes its state of facts: in `parts` parts below `folder`, while it holds `lease`."""

    folder: str
    parts: int
    lease: Lease


def state_name(kind: str, part: int, parts: int) -> str:
    """The name of a state file in a version's folder."""
    return f"restricted/state/{kind}-{part:05d}-of-{parts:05d}.parquet"
