"""Disjoint sets (union-find), for files that share an id and records that are linked."""

from __future__ import annotations

from collections.abc import Hashable


class Groups[Item: Hashable]:
    """Disjoint sets of items."""

    def __init__(self) -> None:
        self._parent: dict[Item, Item] = {}

    def join(self, first: Item, second: Item) -> None:
        """Unites the sets of both items."""
        a, b = self.of(first), self.of(second)
        if a != b:
            self._parent[b] = a

    def add(self, item: Item, parent: Item | None) -> None:
        """Adds an item to the set of its parent, or to a set of its own if it has none."""
        if parent is not None and item not in self._parent:
            self._parent[item] = self.of(parent)  # most items are new and need no search
        else:
            self.join(item if parent is None else parent, item)

    def of(self, item: Item) -> Item:
        """The representative of the item's set."""
        parent = self._parent
        root = parent.setdefault(item, item)
        if parent[root] == root:
            return root  # most items are at most one step from their root
        while parent[root] != root:
            root = parent[root]
        while parent[item] != root:
            parent[item], item = root, parent[item]
        return root

    def members(self) -> list[list[Item]]:
        """All sets; items in the order in which they were added."""
        found: dict[Item, list[Item]] = {}
        for item in self._parent:
            found.setdefault(self.of(item), []).append(item)
        return list(found.values())
