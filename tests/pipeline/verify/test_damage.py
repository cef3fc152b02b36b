"""Damaged files of every kind end in findings, never in an error.

`CHATSIEVE_FUZZ=500` tries as many damages of each kind of file; a few are tried without it.
"""

from __future__ import annotations

import os
import random

import pytest

from pipeline.commands.verify import verify
from tests.support.forging import Dataset

ROUNDS = int(os.environ.get("CHATSIEVE_FUZZ", "3"))
LISTED = [
    "README.md",
    "data/",
    "ledger/",
    "quarantine/",
    "report/report.html",
    "report/report.json",
    "restricted/index-",
    "restricted/sessions-",
]
UNLISTED = ["CURRENT", "keys", "json"]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The bytes with some flipped, cut off, or put in."""
    made = bytearray(data)
    kind = chance.choice(["flip", "flip", "cut", "insert", "footer", "nul", "repeat"])
    place = chance.randrange(len(made) or 1)
    if kind == "flip":
        for _ in range(chance.choice([1, 1, 8, 64])):
            made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        del made[place:]
    elif kind == "insert":
        made[place:place] = chance.randbytes(chance.choice([1, 7, 300]))
    elif kind == "footer":
        near = max(0, len(made) - chance.choice([4, 8, 64, 2_000]))
        for _ in range(4):
            made[chance.randrange(near, len(made))] = chance.randrange(256)
    elif kind == "nul":
        made[place : place + 16] = bytes(16)
    else:
        made += made[place:]
    return bytes(made)


@pytest.mark.parametrize("start", LISTED)
def test_a_damaged_file_is_found(dataset: Dataset, start: str) -> None:
    """A digest over each file: no damage passes."""
    name = dataset.part(start)
    data = (dataset.folder / name).read_bytes()
    for seed in range(ROUNDS):
        changed = damaged(data, random.Random(f"{start} {seed}"))
        if changed != data:
            dataset.put_in(name, changed)
            assert "files" in {finding.kind for finding in verify(dataset.root).findings}, seed


@pytest.mark.parametrize("start", LISTED)
def test_a_damaged_file_with_digests_that_fit_is_no_error(dataset: Dataset, start: str, key: bytes) -> None:
    """A forger who seals garbage makes the checks read it; without the key some damage means nothing."""
    name = dataset.part(start)
    data = (dataset.folder / name).read_bytes()
    for seed in range(ROUNDS):
        changed = damaged(data, random.Random(f"sealed {start} {seed}"))
        if changed != data:
            dataset.put_listed(name, changed)
            assert "manifest" in {finding.kind for finding in verify(dataset.root, key).findings}, seed


def test_a_damaged_manifest_is_found(dataset: Dataset) -> None:
    """CURRENT has the digest of its bytes; with that digest made anew, the content does not fit its own."""
    data = (dataset.folder / "manifest.json").read_bytes()
    for seed in range(3 * ROUNDS):
        changed = damaged(data, random.Random(f"manifest {seed}"))
        dataset.put_in("manifest.json", changed)
        assert changed == data or verify(dataset.root).findings != [], seed
        dataset.put_manifest(changed)
        assert changed == data or verify(dataset.root).findings != [], seed


@pytest.mark.parametrize("kind", UNLISTED)
def test_damage_outside_of_the_versions_is_no_error(aged: Dataset, kind: str) -> None:
    """Catalog, tombstones and certificates have no digest of their own, and still nothing fails on them."""
    name = kind if kind == "CURRENT" else f"erasures/{aged.current['erased'][0]}.{kind}"
    data = (aged.root / name).read_bytes()
    for seed in range(3 * ROUNDS):
        aged.put(name, damaged(data, random.Random(f"{kind} {seed}")))
        assert verify(aged.root).checked != [], seed
