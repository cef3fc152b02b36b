"""Disjoint sets: files that share an id, records that are linked."""

from __future__ import annotations

from collections.abc import Hashable


class Groups[Item: Hashable]:
    """Disjoint sets of items, joined pair by pair."""

    def __init__(self) -> None:
        self._parent: dict[Item, Item] = {}

    def join(self, first: Item, second: Item) -> None:
        """Puts both in one set."""
        a, b = self.of(first), self.of(second)
        if a != b:
            self._parent[b] = a

    def add(self, item: Item, follows: Item | None) -> None:
        """Puts an item into the set of what it follows, if it follows anything."""
        if follows is not None and item not in self._parent:
            self._parent[item] = self.of(follows)  # most items are new: no search for what stands for them
        else:
            self.join(item if follows is None else follows, item)

    def of(self, item: Item) -> Item:
        """What stands for the item's set."""
        parent = self._parent
        root = parent.setdefault(item, item)
        if parent[root] == root:
            return root  # most items stand right below
        while parent[root] != root:
            root = parent[root]
        while parent[item] != root:
            parent[item], item = root, parent[item]
        return root

    def members(self) -> list[list[Item]]:
        """All sets, each in the order its items came."""
        found: dict[Item, list[Item]] = {}
        for item in self._parent:
            found.setdefault(self.of(item), []).append(item)
        return list(found.values())
