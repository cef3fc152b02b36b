"""Only columns that the page lists as nullable have nulls in a dataset."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.reference import files_written, state_files
from pipeline.reference.columns import File

FILES = [file for file in (*files_written.FILES, *state_files.FILES) if file.title.endswith(".parquet")]


def with_nulls(array: pa.Array, name: str) -> Iterator[str]:
    """The names of a column and of those within it that have nulls; without those of elements of lists."""
    if array.null_count:
        yield name
    kind, marks = array.type, ""
    while pa.types.is_list(kind):
        array = array.flatten()
        kind, marks = array.type, f"{marks}[]"
    if pa.types.is_struct(kind):
        for field, inner in zip(kind, array.flatten(), strict=True):
            yield from with_nulls(inner, f"{name}{marks}.{field.name}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.title)
def test_a_column_without_documented_nulls_has_none(
    finished: tuple[Path, subprocess.CompletedProcess[str]], file: File
) -> None:
    """Readers rely on "no": a program that does not expect null fails in the night."""
    folder = finished[0] / "latest"
    rows = pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob(file.title))])
    assert rows.num_rows
    found = {
        name for column in rows.column_names for name in with_nulls(rows[column].combine_chunks(), column)
    }
    assert {name for name in found if not file.columns[name][0]} == set()


def test_nulls_within_structs_are_found() -> None:
    """The check must be able to fail at every level."""
    array = pa.array([[{"a": 1, "b": None}], None, [{"a": None, "b": [2]}]])
    assert list(with_nulls(array, "c")) == ["c", "c[].a", "c[].b"]
