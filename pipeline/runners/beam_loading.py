"""Beam loaded without what it can do without: a quarter of the time that a process takes to begin."""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import sys

#: What Beam and pyarrow look for to offer more of themselves, and do without where it is not installed.
_UNUSED = frozenset({"bson", "pandas", "pymongo"})
#: A stage frees what the next one asks for again. Given back to the system between them, every page of it is
#: cleared anew, a seventh of an audit's time; C's own allocator alone can be told to keep it.
MEMORY = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}


def load_beam(module: str = "apache_beam") -> None:
    """Imports one of Beam's modules; what it then lacks can be imported by anybody after that."""
    collect_less_often()
    absent = _Absent()
    sys.meta_path.insert(0, absent)
    try:
        importlib.import_module(module)
        # It looks for pandas at its first array, and then no more.
        importlib.import_module("pyarrow").array([])
    finally:
        sys.meta_path.remove(absent)
    gc.freeze()


def collect_less_often() -> None:
    """Decoded records are trees, freed by count; looking for cycles among them took a fifth of the time."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


class _Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, *_: object) -> None:
        if name in _UNUSED:
            raise ModuleNotFoundError(name, name=name)
