"""The digest of a Parquet file in an audit's manifest: it covers all columns without text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from transforms.sources.canonical.parquet_layout import footer_of, layout_of, open_parquet
from transforms.sources.files import magic_of, open_columns, read_at
from transforms.storage.places import is_remote

_PIECE = 1 << 20
#: Column chunks of an object that are this near are read together.
_GAP_BYTES = 8 << 10


def metadata_digest(path: str) -> str | None:
    """SHA-256 of the footer and the column chunks without text, in file order.

    None if the file is not Parquet, or if an audit must read all its columns. The footer has the position,
    length and statistics of each text chunk, but not its content.
    """
    try:
        if not magic_of(path).startswith(b"PAR1"):
            return None
        with open_parquet(path) as file:
            layout = layout_of(file)
            if layout is None:
                return None
            groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
            chunks = [group.column(number) for group in groups for number in range(group.num_columns)]
            wanted = set(layout.columns)
            ranges = sorted(extent(chunk) for chunk in chunks if chunk.path_in_schema in wanted)
        return _digest(path, ranges)
    except (OSError, EOFError, pa.ArrowException):
        return None


def extent(chunk: Any) -> tuple[int, int]:
    """The offset of a column chunk and its length in bytes."""
    start = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        start = min(start, chunk.dictionary_page_offset)
    return start, chunk.total_compressed_size


def _digest(path: str, ranges: list[tuple[int, int]]) -> str:
    digest = hashlib.sha256()
    pieces = [
        (start + done, min(_PIECE, length - done))
        for start, length in ranges
        for done in range(0, length, _PIECE)
    ]
    with open_columns(path) as source:
        digest.update(footer_of(source))
        for data in read_at(path, pieces, _GAP_BYTES) if is_remote(path) else _read_of(source, pieces):
            digest.update(data)
    return digest.hexdigest()


def _read_of(source: Any, pieces: list[tuple[int, int]]) -> Iterator[bytes]:
    for start, length in pieces:
        source.seek(start)
        yield source.read(length)
