"""Small counts cannot be derived by sums, differences or knowledge of the rules: all worlds are tried."""

from __future__ import annotations

import collections
import itertools
import random
from collections.abc import Iterator, Sequence

import pytest

from schemas.reports.counts import MIXED
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
        shares = [b - a - 1 for a, b in itertools.pairwise(edges)]
        yield {cell: number for cell, number in zip(cells, shares, strict=True) if number}


def agrees(world: World, counts: PublishableCounts, least: int) -> bool:
    """True if a world is consistent with the published blocks, labels and zeros."""
    left = dict(world)
    whole = [block for block in counts.blocks if MIXED not in block.key]
    for block in whole:
        if left.pop(block.key, 0) != block.sessions:
            return False
    # Blocks with fewer cells are filled first: the blocks that contain a cell are nested.
    for block in sorted(counts.blocks, key=lambda block: block.key.count(MIXED)):
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
        fits(world, counts, least, place, value)
        for place, column in enumerate(COLUMNS)
        for value in VALUES[column]
    )


def fits(world: World, counts: PublishableCounts, least: int, place: int, value: str) -> bool:
    """True if a world's number for a value is consistent with what is published for the value."""
    asked = {COLUMNS[place]: value}
    number = sum(sessions for key, sessions in world.items() if key[place] == value)
    apart = sum(block.sessions for block in counts.blocks if block.key[place] == value)
    if value not in counts.values(COLUMNS[place]):
        return True
    if isinstance(counts.exact_count(**asked), int):
        return number == counts.exact_count(**asked)
    if not apart:
        return number < least if isinstance(counts.count(**asked), str) else number >= least
    # In a column with exact counts, the number is more than the value's own blocks hold.
    others = [counts.exact_count(**{COLUMNS[place]: other}) for other in VALUES[COLUMNS[place]]]
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
def test_every_small_count_differs_in_another_world_with_the_same_publication(
    seed: int, knows_support: bool
) -> None:
    """A small count cannot be derived by subtraction, from labels, or from knowing which cells are not empty.

    All worlds of the same total are tried: over all cells or, with `knows_support`, over the cells with
    sessions. Whether a world is possible is computed here, not by the code under test.
    """
    rng = random.Random(seed)
    cells = rng.sample(ALL, rng.choice([3, 4, 5, 6]))
    truth: World = {cell: rng.choice([1, 1, 2, 2, 3, 4]) for cell in cells}
    least, total = 3, sum(truth.values())
    counts = PublishableCounts(truth, COLUMNS, ["size", "shape", "color"], least, VALUES, TABLES, WHOLE)
    assert agrees(truth, counts, least)
    more = [] if knows_support or total > 11 else rng.sample(ALL, 3)
    seen: dict[frozenset[Key], set[int]] = {members: set() for members in hidden_counts(truth, least)}
    for world in worlds(sorted({*cells, *more}), total):
        if agrees(world, counts, least):
            for members, numbers in seen.items():
                numbers.add(sum(world.get(key, 0) for key in members))
    assert all(len(numbers) > 1 for numbers in seen.values())


@pytest.mark.parametrize("seed", range(40))
def test_published_counts_add_up_and_none_is_small(seed: int) -> None:
    """Published counts have the right sums, and large counts are not dropped to hide small ones."""
    rng = random.Random(seed)
    truth: World = {cell: rng.choice([1, 4, 9, 10, 40, 2000]) for cell in rng.sample(ALL, rng.randint(1, 12))}
    total = sum(truth.values())
    counts = PublishableCounts(truth, COLUMNS, ["size", "shape", "color"], 10, VALUES, TABLES, WHOLE)
    if total < 10:
        assert counts.total == "<10"
        return
    assert counts.total == total == sum(block.sessions for block in counts.blocks)
    assert min(block.sessions for block in counts.blocks) >= 10
    for column in COLUMNS:
        numbers = [counts.count(**{column: value}) for value in counts.values(column)]
        assert sum(count for count in numbers if isinstance(count, int)) == total
        assert all(count == 0 or count >= 10 for count in numbers if isinstance(count, int))
    assert sorted(cell for block in counts.blocks for cell in block.cells) == sorted(truth)
    mixed = [block for block in counts.blocks if MIXED in block.key]
    assert all(any(truth[cell] < 10 for cell in block.cells) for block in mixed)
    lost = [truth[cell] for block in mixed if block.key[0] == MIXED for cell in block.cells]
    assert sum(number >= 2000 for number in lost) <= 1


def test_counts_are_published_as_exact_small_suppressed_or_merged() -> None:
    """The count of a value is exact, labelled as small, suppressed, or merged with others."""
    truth: World = {("red", "round", "big"): 500, ("blue", "round", "big"): 12, ("green", "flat", "big"): 3}
    counts = PublishableCounts(truth, COLUMNS, ["size", "shape", "color"], 10, VALUES, TABLES, WHOLE)
    assert counts.total == 515
    assert counts.count(color="red") == counts.exact_count(color="red") == 500
    assert counts.count(color="green") == "<10"
    assert counts.count(color="blue") is None
    assert counts.count(color=MIXED) == 15
    assert counts.count(size="small") == "<10"


def test_labels_that_would_reveal_a_count_are_not_published() -> None:
    """Two values of nine each in a block of eighteen: two labels for small counts would reveal both."""
    truth: World = {("red", "round", "big"): 9, ("blue", "round", "big"): 9}
    counts = PublishableCounts(truth, COLUMNS, ["size", "shape", "color"], 10, VALUES, TABLES, WHOLE)
    assert counts.total == 18
    assert counts.count(color="red") is None
    assert counts.count(color="blue") is None


def test_a_total_below_the_threshold_is_not_published() -> None:
    """Even the total would be a small count."""
    counts = PublishableCounts({("red", "round", "big"): 4}, COLUMNS, ["size", "shape", "color"], 10, VALUES)
    assert (counts.total, counts.count(color="red"), counts.count(color="blue")) == ("<10", None, None)
    empty = PublishableCounts({}, COLUMNS, ["size", "shape", "color"], 10, VALUES)
    assert (empty.total, empty.count(color="red"), empty.values("color")) == (0, 0, set())
