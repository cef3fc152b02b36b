"""Parts of report.json: replaced spans, the residual check, and the estimate of an audit."""

from __future__ import annotations

import msgspec

from schemas.reports.counts import Cell


class EntityCount(msgspec.Struct, frozen=True):
    """Replaced spans of an entity type."""

    type: str
    count: Cell
    per_thousand_characters: float | None


class SurfaceEntities(msgspec.Struct, frozen=True):
    """Replaced spans in sessions of a surface; `characters` are counted before masking."""

    surface: str | None
    sessions: Cell
    characters: int
    entities: list[EntityCount]


class Deid(msgspec.Struct, frozen=True):
    """Replaced spans in the training rows; `characters` are counted before masking."""

    sessions: Cell
    characters: int
    entities: list[EntityCount]
    by_surface: list[SurfaceEntities]


class Residual(msgspec.Struct, frozen=True):
    """The residual check: detection run again over masked text."""

    sessions: Cell
    characters: int
    masked_again: Cell
    masked_again_per_million_characters: float | None
    sessions_masked_again: Cell
    sessions_dropped: Cell


class Estimate(msgspec.Struct, frozen=True):
    """Entities detected in a sample of eligible sessions (`audit --sample`)."""

    sessions: Cell
    characters: int
    entities: dict[str, Cell]
    refused: dict[str, Cell]
