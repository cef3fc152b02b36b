"""Divides the sessions whose text is to be read into works: sessions that are read together."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from schemas.units import Unit
from transforms.shuffle.blobs import slices_by_part
from transforms.shuffle.run_key import RunKey

#: Rows of a block of text to mask. A unit that is read from its start costs more to split.
_BLOCK_ROWS_SEEKABLE = 1_000
_BLOCK_ROWS_SCANNED = 4_000


def by_work(decisions: pa.Table, run_key: RunKey) -> Iterator[tuple[bytes, pa.Table]]:
    """(work, its sessions) of eligible sessions. The work is a keyed digest of a unit and the block of its
    rows that has the newest record.
    """
    if not decisions.num_rows:
        return
    first = pc.list_element(decisions["records"].combine_chunks(), 0)
    units = pc.struct_field(first, "unit").to_pylist()
    rows = pc.struct_field(first, "row").to_pylist()
    size = {unit: _block_rows(Unit.decode(unit)) for unit in set(units)}
    works = pa.array([f"{row // size[unit]:06d} {unit}" for unit, row in zip(units, rows, strict=True)])
    encoded = works.dictionary_encode()
    for nth, table in slices_by_part(decisions, encoded.indices.to_numpy().astype("int64")):
        yield run_key.digest("work", encoded.dictionary[nth].as_py()), table


def _block_rows(unit: Unit) -> int:
    return _BLOCK_ROWS_SEEKABLE if unit.kind in ("bytes", "files") else _BLOCK_ROWS_SCANNED
