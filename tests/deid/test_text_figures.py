"""Figures of the text pass over sessions that several workers handed over."""

from __future__ import annotations

import pyarrow as pa

from schemas.tables import CATEGORY
from transforms.deid.training_rows import TextFigures


def test_sessions_of_blobs_with_other_surfaces_are_added_up() -> None:
    """Each blob has a dictionary of its own; with two workers one shard gets several blobs."""
    schema = pa.schema(
        [
            ("surface", CATEGORY),
            ("refusal", CATEGORY),
            *((name, pa.int64()) for name in ("dropped_blocks", "characters", "masked_again")),
        ]
    )
    blobs = [
        pa.Table.from_pylist(
            [{"surface": name, "characters": 5, "dropped_blocks": 1, "masked_again": 0} for name in names],
            schema=schema,
        )
        for names in (["chat"], ["code", "chat"])
    ]
    figures = TextFigures()
    figures.add_sessions(pa.concat_tables(blobs))
    fields = figures.fields()
    assert (fields["sessions"], fields["characters"], fields["dropped_blocks"]) == (3, 15, 3)
