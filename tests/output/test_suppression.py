"""Small counts stay hidden from whoever adds, subtracts and knows the rules: every world is tried."""

from __future__ import annotations

import collections
import itertools
import random
from collections.abc import Iterator, Sequence

import pytest

from schemas.report_counts import MIXED
from transforms.output.suppression import Key, PublishableCounts

COLUMNS = ("color", "shape", "size")
VALUES = {"color": ("red", "blue", "green"), "shape": ("round", "flat"), "size": ("big", "small")}
TABLES = (("color", "shape"), ("shape", "size"))
WHOLE = ("color",)
ALL = list(itertools.product(*VALUES.values()))
World = dict[Key, int]


def worlds(cells: Sequence[Key], total: int) -> Iterator[World]:
    """Every way to share a total out among the cells."""
    for bars in itertools.combinations(range(total + len(cells) - 1), len(cells) - 1):
        edges = [-1, *bars, total + len(cells) - 1]
        counts = [b - a - 1 for a, b in itertools.pairwise(edges)]
        yield {cell: number for cell, number in zip(cells, counts, strict=True) if number}


def agrees(world: World, told: PublishableCounts, least: int) -> bool:
    """True where a world could be behind what is told: the blocks, the labels, and the zeros."""
    left = dict(world)
    whole = [block for block in told.blocks if MIXED not in block.key]
    for block in whole:
        if left.pop(block.key, 0) != block.sessions:
            return False
    # What fits into fewer cells takes first: the blocks that a cell fits into lie within one another.
    for block in sorted(told.blocks, key=lambda block: block.key.count(MIXED)):
        if block in whole:
            continue
        need = block.sessions
        for cell in [c for c in left if all(k in (v, MIXED) for v, k in zip(c, block.key, strict=True))]:
            taken = min(need, left[cell])
            left[cell], need = left[cell] - taken, need - taken
        if need:
            return False
    if any(left.values()):
        return False
    return all(
        fits(world, told, least, place, value)
        for place, column in enumerate(COLUMNS)
        for value in VALUES[column]
    )


def fits(world: World, told: PublishableCounts, least: int, place: int, value: str) -> bool:
    """True where the number that a world has of a value can be what is said of it."""
    asked = {COLUMNS[place]: value}
    number = sum(sessions for key, sessions in world.items() if key[place] == value)
    apart = sum(block.sessions for block in told.blocks if block.key[place] == value)
    if value not in told.values(COLUMNS[place]):
        return True
    if isinstance(told.exact_count(**asked), int):
        return number == told.exact_count(**asked)
    if not apart:
        return number < least if isinstance(told.count(**asked), str) else number >= least
    # Said to be more than what is told apart, where the column says such things at all.
    others = [told.exact_count(**{COLUMNS[place]: other}) for other in VALUES[COLUMNS[place]]]
    return number > apart or COLUMNS[place] not in WHOLE or not any(other is not None for other in others)


def hidden_counts(truth: World, least: int) -> list[frozenset[Key]]:
    """Every count of the cube and of its margins from 1 to below `least`, as the cells that make it up."""
    found: list[frozenset[Key]] = []
    for size in range(1, len(COLUMNS) + 1):
        for places in itertools.combinations(range(len(COLUMNS)), size):
            groups: dict[Key, set[Key]] = collections.defaultdict(set)
            for key in ALL:
                groups[tuple(key[place] for place in places)].add(key)
            found += [frozenset(m) for m in groups.values() if 0 < sum(truth.get(k, 0) for k in m) < least]
    return found


@pytest.mark.parametrize("knows_support", [False, True])
@pytest.mark.parametrize("seed", range(80))
def test_every_small_count_could_be_another_in_some_world_that_looks_the_same(
    seed: int, knows_support: bool
) -> None:
    """Nobody can tell it: not by subtraction, not from labels, not even knowing which cells have any at all.

    All worlds of the same total are tried, over all cells or, for a reader who knows that much, over those
    that have sessions. None of the code under test is asked which of them are possible.
    """
    rng = random.Random(seed)
    cells = rng.sample(ALL, rng.choice([3, 4, 5, 6]))
    truth: World = {cell: rng.choice([1, 1, 2, 2, 3, 4]) for cell in cells}
    least, total = 3, sum(truth.values())
    told = PublishableCounts(truth, COLUMNS, ["size", "shape", "color"], least, VALUES, TABLES, WHOLE)
    assert agrees(truth, told, least)
    more = [] if knows_support or total > 11 else rng.sample(ALL, 3)
    seen: dict[frozenset[Key], set[int]] = {members: set() for members in hidden_counts(truth, least)}
    for world in worlds(sorted({*cells, *more}), total):
        if agrees(world, told, least):
            for members, numbers in seen.items():
                numbers.add(sum(world.get(key, 0) for key in members))
    assert all(len(numbers) > 1 for numbers in seen.values())


@pytest.mark.parametrize("seed", range(40))
def test_what_is_told_adds_up_and_no_number_is_small(seed: int) -> None:
    """A reader's sums come out, and large counts are not thrown away to hide small ones."""
    rng = random.Random(seed)
    truth: World = {cell: rng.choice([1, 4, 9, 10, 40, 2000]) for cell in rng.sample(ALL, rng.randint(1, 12))}
    total = sum(truth.values())
    told = PublishableCounts(truth, COLUMNS, ["size", "shape", "color"], 10, VALUES, TABLES, WHOLE)
    if total < 10:
        assert told.total == "<10"
        return
    assert told.total == total == sum(block.sessions for block in told.blocks)
    assert min(block.sessions for block in told.blocks) >= 10
    for column in COLUMNS:
        counts = [told.count(**{column: value}) for value in told.values(column)]
        assert sum(count for count in counts if isinstance(count, int)) == total
        assert all(count == 0 or count >= 10 for count in counts if isinstance(count, int))
    assert sorted(cell for block in told.blocks for cell in block.cells) == sorted(truth)
    mixed = [block for block in told.blocks if MIXED in block.key]
    assert all(any(truth[cell] < 10 for cell in block.cells) for block in mixed)
    lost = [truth[cell] for block in mixed if block.key[0] == MIXED for cell in block.cells]
    assert sum(number >= 2000 for number in lost) <= 1


def test_small_and_large_counts_are_called_what_they_are() -> None:
    """What is told of a value: its number, that it is small, that it is withheld, that there can be none."""
    truth: World = {("red", "round", "big"): 500, ("blue", "round", "big"): 12, ("green", "flat", "big"): 3}
    told = PublishableCounts(truth, COLUMNS, ["size", "shape", "color"], 10, VALUES, TABLES, WHOLE)
    assert told.total == 515
    assert told.count(color="red") == told.exact_count(color="red") == 500
    assert told.count(color="green") == "<10"
    assert told.count(color="blue") is None
    assert told.count(color=MIXED) == 15
    assert told.count(size="small") == "<10"


def test_no_column_gives_labels_that_would_tell() -> None:
    """Two values of nine each in a block of eighteen: both called small, both would be known."""
    truth: World = {("red", "round", "big"): 9, ("blue", "round", "big"): 9}
    told = PublishableCounts(truth, COLUMNS, ["size", "shape", "color"], 10, VALUES, TABLES, WHOLE)
    assert told.total == 18
    assert told.count(color="red") is None
    assert told.count(color="blue") is None


def test_fewer_than_the_threshold_in_all_are_not_told_of() -> None:
    """Even the total would be a small count."""
    told = PublishableCounts({("red", "round", "big"): 4}, COLUMNS, ["size", "shape", "color"], 10, VALUES)
    assert (told.total, told.count(color="red"), told.count(color="blue")) == ("<10", None, None)
    nothing = PublishableCounts({}, COLUMNS, ["size", "shape", "color"], 10, VALUES)
    assert (nothing.total, nothing.count(color="red"), nothing.values("color")) == (0, 0, set())
