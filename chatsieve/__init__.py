"""The Python API of chatsieve: what notebooks and programs use. docs/reference/python.md describes it.

The names in `__all__` are promised, and nothing else: neither other names of this package nor the packages
`schemas`, `transforms` and `pipeline` behind it. The import is instant: a name loads its modules at its first
use. Read `runs.py` first; `process.py` has what every function does around its work.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from schemas.errors import (
    BusyError,
    ChatsieveError,
    ConfigError,
    ConsentError,
    DeidError,
    InputError,
    NotReadyError,
    OutputError,
    PipelineError,
    PolicyError,
    StoreError,
)

if TYPE_CHECKING:
    from chatsieve.datasets import Dataset, Rows, open_dataset
    from chatsieve.explanations import Explanation, explain
    from chatsieve.records import Message, RecordFile, Session, Unreadable, open_stream, read_sessions
    from chatsieve.runs import Result, audit, run
    from chatsieve.scrubbers import Scrubbed, Scrubber, Span
    from chatsieve.verifications import Finding, Verification, verify

__all__ = [
    "BusyError",
    "ChatsieveError",
    "ConfigError",
    "ConsentError",
    "Dataset",
    "DeidError",
    "Explanation",
    "Finding",
    "InputError",
    "Message",
    "NotReadyError",
    "OutputError",
    "PipelineError",
    "PolicyError",
    "RecordFile",
    "Result",
    "Rows",
    "Scrubbed",
    "Scrubber",
    "Session",
    "Span",
    "StoreError",
    "Unreadable",
    "Verification",
    "audit",
    "explain",
    "open_dataset",
    "open_stream",
    "read_sessions",
    "run",
    "verify",
]

_MODULES = {
    "datasets": ("Dataset", "Rows", "open_dataset"),
    "explanations": ("Explanation", "explain"),
    "records": ("Message", "RecordFile", "Session", "Unreadable", "open_stream", "read_sessions"),
    "runs": ("Result", "audit", "run"),
    "scrubbers": ("Scrubbed", "Scrubber", "Span"),
    "verifications": ("Finding", "Verification", "verify"),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'chatsieve' has no attribute {name!r}")
    found = getattr(importlib.import_module(f"chatsieve.{_PLACES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
