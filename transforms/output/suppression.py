"""Suppression: counts of a report that can be published without revealing any small count.

Cells are combined into blocks of at least `least` sessions. Every published count is a sum of whole blocks.
Moving sessions between the cells of a block changes no published count, so no subtraction of published counts
gives the count of a cell inside a block.

A value without a block of its own can also be labelled as below `least`. Such labels limit what a block can
contain. They are published only while every hidden count provably has another possible value: moving one
session between two cells of a block changes the count and contradicts no label.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from schemas.reports.counts import MIXED, Cell

Key = tuple[Any, ...]
Value = tuple[str, Any]


@dataclasses.dataclass(frozen=True)
class Block:
    """Cells that are published as one count; `key` has MIXED in the columns in which they differ."""

    key: Key
    cells: tuple[Key, ...]
    sessions: int


class Label(NamedTuple):
    """What is published about a value besides the blocks, and which moves of a session would contradict it.

    `low`: the count is below `least`. `withheld`: it is not, but no block has this value alone. `exact`: the
    blocks with this value have all its sessions. `partial`: they do not. `full`: one more session would
    contradict the label; `tight`: one less would.
    """

    kind: Literal["low", "withheld", "exact", "partial"]
    full: bool
    tight: bool


class PublishableCounts:
    """The publishable counts of some cells; `columns` are the names of the parts of their keys.

    `values`: by column, the values that can be labelled. They must be known without the data, such as the
    tiers of a policy, so that listing a value reveals nothing. `order`: the columns in the order in which
    they are replaced by MIXED. `tables`: the combinations of columns that are published; their small counts
    are protected as well. `whole`: the columns for which `exact_count` can be called.
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
        """The number of all sessions, "<n" if they are too few."""
        total = sum(self._cells.values())
        return total if total >= self._least or not total else f"<{self._least}"

    def values(self, column: str) -> set[Any]:
        """The publishable values of a column, with MIXED if some are combined."""
        place = self._columns.index(column)
        return {block.key[place] for block in self.blocks} | {v for name, v in self._labels if name == column}

    def count(self, **fixed: Any) -> Cell:
        """The sessions of the blocks with these values; 0 if there can be none.

        Blocks with MIXED could contain more of them. Without a block of its own, a value labelled `low` gives
        "<n", any other value null.
        """
        published = sum(block.sessions for block in self.blocks if self._has(block, fixed))
        if published:
            return published if self._enough else self.total
        if not self._open(fixed):
            return 0
        return f"<{self._least}" if self._label_kind(fixed) == "low" else None

    def exact_count(self, **fixed: Any) -> Cell:
        """The sessions with a value of a `whole` column if the count is exact; else "<n" or null."""
        if not self._open(fixed) or self._label_kind(fixed) in ("exact", "low"):
            return self.count(**fixed)
        return None

    @property
    def _enough(self) -> bool:
        return sum(self._cells.values()) >= self._least

    def _label_kind(self, fixed: Mapping[str, Any]) -> str | None:
        label = self._labels.get(next(iter(fixed.items()))) if len(fixed) == 1 else None
        return label.kind if label else None

    def _has(self, block: Block, fixed: Mapping[str, Any]) -> bool:
        return all(block.key[self._columns.index(name)] == value for name, value in fixed.items())

    def _open(self, fixed: Mapping[str, Any]) -> bool:
        """True if a block with MIXED could contain sessions with these values."""
        places = [(self._columns.index(name), value) for name, value in fixed.items()]
        return any(
            all(block.key[place] in (value, MIXED) for place, value in places)
            and any(block.key[place] != value for place, value in places)
            for block in self.blocks
        )

    def _provable(self, tables: Sequence[Sequence[str]]) -> dict[Value, Label]:
        """The labels. Those of a column are all omitted if they would reveal a small count."""
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
        published: collections.Counter[Any] = collections.Counter()
        for block in self.blocks:
            published[block.key[place]] += block.sessions
        sums: collections.Counter[Any] = collections.Counter()
        for key, number in self._cells.items():
            sums[key[place]] += number
        if MIXED not in published:
            return
        for value in sorted(self._known[column] - set(published), key=str):
            low = sums[value] < least
            kind: Literal["low", "withheld"] = "low" if low else "withheld"
            yield (column, value), Label(kind, low and sums[value] == least - 1, sums[value] == least)
        for value in published if column in self._whole else ():
            if value != MIXED:
                rest = sums[value] - published[value]
                yield (column, value), Label("partial" if rest else "exact", False, rest == 1)

    def _hidden(self, tables: Sequence[Sequence[str]]) -> Iterator[tuple[Sequence[str], frozenset[Key]]]:
        """Every count from 1 to below `least` in the tables, as the set of its cells."""
        for names in tables:
            places = [self._columns.index(name) for name in names]
            members: dict[Key, list[Key]] = collections.defaultdict(list)
            for key in self._cells:
                members[tuple(key[place] for place in places)].append(key)
            for keys in members.values():
                if sum(self._cells[key] for key in keys) < self._least:
                    yield names, frozenset(keys)


class _Prover:
    """Proves that a hidden count could have another value with the same published counts and labels.

    Each cell has bit sets: its labels, the full ones and the tight ones. A session moves only to a cell that
    has sessions, since the rules may make other cells impossible.
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
        """True if a session can move between a member and another cell of its block, in either direction."""
        return any(
            outside not in members and (self._free(inside, outside) or self._free(outside, inside))
            for inside in members
            for outside in self._block[inside].cells
        )

    def _free(self, source: Key, target: Key) -> bool:
        return not (self._full[target] & ~self._in[source]) and not (self._tight[source] & ~self._in[target])


def blocks_of(cells: Mapping[Key, int], order: Sequence[int], least: int) -> list[Block]:
    """The cells in blocks of at least `least`, in a fixed order; one smaller block if the total is smaller.

    In cells that are too small, one column after another is replaced by MIXED, in `order`, until the cells
    with equal keys are large enough. A remainder is joined with the smallest block that has an equal key.
    """
    done = [Block(key, (key,), number) for key, number in cells.items() if number >= least]
    pending = [Block(key, (key,), number) for key, number in cells.items() if number < least]
    for dropped in itertools.accumulate(([place] for place in order), initial=[]):
        neighbours: dict[Key, list[Block]] = collections.defaultdict(list)
        for block in done:
            neighbours[_without(block.key, dropped)].append(block)
        equal: dict[Key, list[Block]] = collections.defaultdict(list)
        for block in pending:
            equal[_without(block.key, dropped)].append(block)
        pending = []
        for key in sorted(equal, key=_sortable):
            parts = equal[key]
            if sum(part.sessions for part in parts) < least and neighbours[key]:
                taken = min(neighbours[key], key=lambda block: (block.sessions, _sortable(block.key)))
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
