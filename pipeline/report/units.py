"""Counts with their units, in sentences."""

from __future__ import annotations

from schemas.reports.counts import Cell


def counted(number: Cell, unit: str) -> str:
    """A count and its unit, a plural in "s": "1 user", "2,000 users", "<10 users"; a dash if suppressed."""
    shown = "\u2013" if number is None else number if isinstance(number, str) else f"{number:,}"
    return f"{shown} {unit.removesuffix('s') if number == 1 else unit}"
