"""Counts that may be passed on: small cells are put together until none of them can be told.

Cells are put into blocks of at least `least` sessions; everything that is published is a sum of whole blocks.
What is inside of a block can be shared out among its cells in any way without a published number changing, so
no cell smaller than a block can be computed from any of them, whoever subtracts what from what.

Beyond that, a value that no block tells apart is labelled as below `least` where it is. Such labels bound
what can be inside of the blocks, so they are given only while every hidden count provably keeps another
possible value: one session moved between two cells of a block changes it, and breaks no label.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from schemas.report_counts import MIXED, Cell

Key = tuple[Any, ...]
Value = tuple[str, Any]


@dataclasses.dataclass(frozen=True)
class Block:
    """Cells that are told as one; `key` has MIXED in the columns in which they are not told apart."""

    key: Key
    cells: tuple[Key, ...]
    sessions: int


class Label(NamedTuple):
    """What is told of a value beside the blocks, and what it forbids a session that moves within a block.

    `low`: below `least`. `withheld`: not so, but no block tells it apart. `exact`: the blocks that tell it
    apart hold all of it. `partial`: they do not. `full`: none may come in; `tight`: none may go out.
    """

    word: Literal["low", "withheld", "exact", "partial"]
    full: bool
    tight: bool


class PublishableCounts:
    """What may be told of some cells, `columns` naming the parts of their keys.

    `values`: by column, the values that can be labelled. They must be known without the data, such as the
    tiers of a policy: who is told of a value learns nothing from its being listed. `order`: the columns from
    the first to be given up to the last. `tables`: the combinations of columns that a reader is shown, whose
    small counts must not be told either. `whole`: the columns of which `exact` can be asked.
    """

    def __init__(
        self,
        cells: Mapping[Key, int],
        columns: Sequence[str],
        order: Sequence[str],
        least: int,
        values: Mapping[str, Collection[Any]] | None = None,
        tables: Sequence[Sequence[str]] = (),
        whole: Collection[str] = (),
    ) -> None:
        self._cells = {key: number for key, number in cells.items() if number}
        self._columns, self._least, self._whole = list(columns), least, whole
        self.blocks = blocks_of(self._cells, [self._columns.index(name) for name in order], least)
        self._known = {name: set((values or {}).get(name, ())) for name in self._columns}
        self._labels = self._provable(tables)

    @property
    def total(self) -> Cell:
        """All sessions, or that they are too few to tell."""
        total = sum(self._cells.values())
        return total if total >= self._least or not total else f"<{self._least}"

    def values(self, column: str) -> set[Any]:
        """The values of a column to tell of; MIXED among them where some are not told apart."""
        place = self._columns.index(column)
        return {block.key[place] for block in self.blocks} | {v for name, v in self._labels if name == column}

    def count(self, **fixed: Any) -> Cell:
        """The sessions that are told with these values; 0 where there can be none.

        Where blocks with MIXED could hold more, this is what is told apart from those. Of what is not told
        apart at all, "<n" for a value labelled as below `least`, else null.
        """
        told = sum(block.sessions for block in self.blocks if self._has(block, fixed))
        if told:
            return told if self._enough else self.total
        if not self._open(fixed):
            return 0
        return f"<{self._least}" if self._word(fixed) == "low" else None

    def exact_count(self, **fixed: Any) -> Cell:
        """The sessions with a value of a `whole` column where that is what is told; else "<n" or null."""
        if not self._open(fixed) or self._word(fixed) in ("exact", "low"):
            return self.count(**fixed)
        return None

    @property
    def _enough(self) -> bool:
        return sum(self._cells.values()) >= self._least

    def _word(self, fixed: Mapping[str, Any]) -> str | None:
        label = self._labels.get(next(iter(fixed.items()))) if len(fixed) == 1 else None
        return label.word if label else None

    def _has(self, block: Block, fixed: Mapping[str, Any]) -> bool:
        return all(block.key[self._columns.index(name)] == value for name, value in fixed.items())

    def _open(self, fixed: Mapping[str, Any]) -> bool:
        """True where a block that does not tell these values apart could hold some of them."""
        places = [(self._columns.index(name), value) for name, value in fixed.items()]
        return any(
            all(block.key[place] in (value, MIXED) for place, value in places)
            and any(block.key[place] != value for place, value in places)
            for block in self.blocks
        )

    def _provable(self, tables: Sequence[Sequence[str]]) -> dict[Value, Label]:
        """The labels, those of a column all left out where with them a small count could be told."""
        active = list(self._columns) if self._enough else []
        hidden = list(self._hidden([*([name] for name in self._columns), *tables, self._columns]))
        while True:
            labels = {value: label for name in active for value, label in self._labels_of(name)}
            prover = _Prover(self.blocks, self._columns, labels)
            failing = next((names for names, members in hidden if not prover.undetermined(members)), None)
            if failing is None or not active:
                return labels
            # The columns of the count itself first; then any: without labels every count is undetermined.
            active.remove(next((name for name in failing if name in active), active[-1]))

    def _labels_of(self, column: str) -> Iterator[tuple[Value, Label]]:
        place, least = self._columns.index(column), self._least
        told: collections.Counter[Any] = collections.Counter()
        for block in self.blocks:
            told[block.key[place]] += block.sessions
        sums: collections.Counter[Any] = collections.Counter()
        for key, number in self._cells.items():
            sums[key[place]] += number
        if MIXED not in told:
            return
        for value in sorted(self._known[column] - set(told), key=str):
            low = sums[value] < least
            word: Literal["low", "withheld"] = "low" if low else "withheld"
            yield (column, value), Label(word, low and sums[value] == least - 1, sums[value] == least)
        for value in told if column in self._whole else ():
            if value != MIXED:
                rest = sums[value] - told[value]
                yield (column, value), Label("partial" if rest else "exact", False, rest == 1)

    def _hidden(self, tables: Sequence[Sequence[str]]) -> Iterator[tuple[Sequence[str], frozenset[Key]]]:
        """Every count from 1 to below `least` of the tables, as the cells that make it up."""
        for names in tables:
            places = [self._columns.index(name) for name in names]
            members: dict[Key, list[Key]] = collections.defaultdict(list)
            for key in self._cells:
                members[tuple(key[place] for place in places)].append(key)
            for keys in members.values():
                if sum(self._cells[key] for key in keys) < self._least:
                    yield names, frozenset(keys)


class _Prover:
    """Shows of a hidden count that it could be another number: all that is told would be the same.

    Of each cell, as bits: the labels that it is in; of these, the full ones and the tight ones. A session
    only ever moves to a cell that has some, so that it cannot come to where the rules let none be.
    """

    def __init__(
        self, blocks: Sequence[Block], columns: Sequence[str], labels: Mapping[Value, Label]
    ) -> None:
        self._block = {key: block for block in blocks for key in block.cells}
        bits = {value: 1 << place for place, value in enumerate(labels)}
        self._in: dict[Key, int] = {}
        self._full: dict[Key, int] = {}
        self._tight: dict[Key, int] = {}
        for key in self._block:
            mine = [value for value in zip(columns, key, strict=True) if value in labels]
            self._in[key] = sum(bits[value] for value in mine)
            self._full[key] = sum(bits[value] for value in mine if labels[value].full)
            self._tight[key] = sum(bits[value] for value in mine if labels[value].tight)

    def undetermined(self, members: frozenset[Key]) -> bool:
        """True where a session can move between a member and another cell of its block, either way."""
        return any(
            outside not in members and (self._free(inside, outside) or self._free(outside, inside))
            for inside in members
            for outside in self._block[inside].cells
        )

    def _free(self, source: Key, target: Key) -> bool:
        return not (self._full[target] & ~self._in[source]) and not (self._tight[source] & ~self._in[target])


def blocks_of(cells: Mapping[Key, int], order: Sequence[int], least: int) -> list[Block]:
    """The cells in blocks of at least `least`, in a fixed order; one smaller block if they are fewer in all.

    What is too small gives up one column after another, in `order`, until enough are alike; what is left over
    then takes the smallest block beside it along.
    """
    done = [Block(key, (key,), number) for key, number in cells.items() if number >= least]
    pending = [Block(key, (key,), number) for key, number in cells.items() if number < least]
    for given_up in itertools.accumulate(([place] for place in order), initial=[]):
        near: dict[Key, list[Block]] = collections.defaultdict(list)
        for block in done:
            near[_without(block.key, given_up)].append(block)
        alike: dict[Key, list[Block]] = collections.defaultdict(list)
        for block in pending:
            alike[_without(block.key, given_up)].append(block)
        pending = []
        for key in sorted(alike, key=_sortable):
            parts = alike[key]
            if sum(part.sessions for part in parts) < least and near[key]:
                taken = min(near[key], key=lambda block: (block.sessions, _sortable(block.key)))
                done.remove(taken)
                parts = [*parts, taken]
            joined = _joined(key, parts)
            (done if joined.sessions >= least else pending).append(joined)
    return sorted([*done, *pending], key=lambda block: _sortable(block.key))


def _joined(key: Key, parts: Sequence[Block]) -> Block:
    return Block(
        key, tuple(cell for part in parts for cell in part.cells), sum(part.sessions for part in parts)
    )


def _without(key: Key, places: Sequence[int]) -> Key:
    return tuple(MIXED if place in places else value for place, value in enumerate(key))


def _sortable(key: Key) -> list[str]:
    return [str(value) for value in key]
