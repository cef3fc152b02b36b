"""Compiled Hyperscan databases, cached in the Python environment.

Compiling the databases of one process takes 1.2 to 2 s of CPU time; loading them takes about 5 ms. A database
is loaded if it was compiled from the same expressions by the same Hyperscan for the same processor features;
otherwise the expressions are compiled.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Sequence

import hyperscan

from transforms.deid.text.environment_cache import load_file, store_file


def load_or_compile(name: str, expressions: Sequence[str], flag: int) -> hyperscan.Database:
    """A database whose expressions have their positions as ids, all with one flag; ready to scan.

    It is cached as the file `hyperscan-{name}.db` of the environment.
    """
    key, file = _key(expressions, flag), f"hyperscan-{name}.db"
    data = load_file(file, key)
    if data is not None:
        try:
            database = hyperscan.loadb(data, hyperscan.HS_MODE_BLOCK)
            database.scratch = hyperscan.Scratch(database)
        except hyperscan.error:
            pass
        else:
            return database
    database = compile_all(expressions, flag)
    store_file(file, key, hyperscan.dumpb(database))
    return database


def compile_all(expressions: Sequence[str], flag: int) -> hyperscan.Database:
    """The same database, compiled."""
    database = hyperscan.Database()
    database.compile(
        expressions=[expression.encode() for expression in expressions],
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[flag] * len(expressions),
    )
    return database


def _key(expressions: Sequence[str], flag: int) -> bytes:
    """A digest of everything that a compiled database depends on."""
    # The header of any serialised database names Hyperscan's version and the processor features in use.
    digest = hashlib.sha256(hyperscan.dumpb(compile_all(["x"], flag)))
    for part in (importlib.metadata.version("hyperscan"), str(flag), *expressions):
        digest.update(part.encode() + b"\0")
    return digest.digest()
