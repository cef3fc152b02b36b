"""Settings of the whole process, made once: at the start of the command line and of each worker."""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import logging
import sys
import threading

#: Beam and pyarrow import these if they are installed, for features that are not used here, or not yet:
#: Beam's Dataflow runner imports Google's clients itself.
_UNUSED = frozenset({"bson", "google.api_core", "google.auth", "google.cloud", "pandas", "pymongo"})
#: The name of the thread in which Beam runs a graph with worker processes.
BEAM_THREAD = "beam"
#: Environment variables of a worker process, unless the user sets them. A stage frees memory that the next
#: one allocates. If it went back to the system in between, the system would clear every page again: a seventh
#: of an audit's time. Only the allocator of the C library has settings to keep it.
MEMORY = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}


def prepare_process() -> None:
    """Nothing that libraries log or print from their threads, since it may hold data; fewer collections.

    Decoded records are trees, freed by reference counts. Searching them for cycles took a fifth of the time.
    """
    logging.disable(logging.CRITICAL)
    threading.excepthook = lambda _: None
    sys.unraisablehook = lambda _: None
    gc.set_threshold(100_000, 50, 50)


def load_beam(module: str = "apache_beam") -> None:
    """Imports a module of Beam without the optional packages: a quarter less start-up time.

    The optional packages can be imported afterwards.
    """
    gc.freeze()
    absent = _Absent()
    # What it logs of the packages that are hidden from it concerns nobody.
    logged = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    sys.meta_path.insert(0, absent)
    try:
        importlib.import_module(module)
        # pyarrow looks for pandas once, when it makes its first array.
        importlib.import_module("pyarrow").array([])
    finally:
        sys.meta_path.remove(absent)
        logging.disable(logged)
    gc.freeze()


class _Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, *_: object) -> None:
        if name in _UNUSED:
            raise ModuleNotFoundError(name, name=name)
