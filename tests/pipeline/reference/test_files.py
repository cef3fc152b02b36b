"""The page of files has every column of the schemas, and every kind of file of a dataset."""

from __future__ import annotations

import json

import msgspec
import pyarrow as pa
import pytest

from pipeline.reference import files_read, files_written, state_files
from pipeline.reference.columns import File, types_of
from pipeline.reference.files import page
from schemas.tables import KEY
from tests.support.command import ROOT
from transforms.output.erase import schema_of

FILES = [*files_read.FILES, *files_written.FILES, *state_files.FILES, *files_written.OTHERS]


@pytest.mark.parametrize("file", FILES, ids=[file.title for file in FILES])
def test_a_file_has_a_meaning_for_each_of_its_columns(file: File) -> None:
    """A new column must be explained, and one that was removed must go; the order is that of the schema."""
    assert list(file.columns) == list(types_of(file))
    assert [meaning for _, meaning in file.columns.values() if not meaning.endswith(".")] == []


@pytest.mark.parametrize("file", [*files_written.FILES, *state_files.FILES], ids=lambda file: file.title)
def test_the_columns_are_those_that_verify_expects(file: File) -> None:
    """The page must be about the file that it names."""
    if isinstance(file.types, pa.Schema):
        assert schema_of(file.title) == file.types


@pytest.mark.parametrize("file", [files_written.TRUTH, files_written.PLANTED], ids=lambda file: file.title)
def test_the_fields_of_the_truth_are_those_of_the_bundled_example(file: File) -> None:
    """They have no schema, so the page is compared with lines."""
    lines = [json.loads(line) for line in (ROOT / "examples" / file.title).read_text().splitlines()]
    assert {tuple(line) for line in lines} == {tuple(file.columns)}
    nulls = {name for line in lines for name, value in line.items() if value is None}
    assert nulls == {name for name, (null, _) in file.columns.items() if null}


def test_columns_in_structs_and_lists_are_found() -> None:
    """A walk that stops at a list would make the check of meanings useless."""
    inner = pa.struct([("x", KEY), ("y", pa.list_(pa.struct([("z", pa.date32())])))])
    schema = pa.schema([("a", pa.list_(inner)), ("b", pa.dictionary(pa.int32(), pa.string()))])
    assert types_of(File("", "", schema, {})) == {
        "a": "list of struct",
        "a[].x": "fixed_size_binary[16]",
        "a[].y": "list of struct",
        "a[].y[].z": "date32",
        "b": "dictionary of string",
    }


class Inner(msgspec.Struct):
    """A model in a model."""

    n: int


class Outer(msgspec.Struct):
    """A model with a list, an optional model and a mapping."""

    many: list[Inner]
    one: Inner | None
    words: dict[str, int]


def test_fields_of_json_documents_are_found() -> None:
    """Fields within objects count too."""
    assert types_of(File("", "", Outer, {})) == {
        "many": "list of objects",
        "many[].n": "integer",
        "one": "object",
        "one.n": "integer",
        "words": "object",
    }


def test_every_parquet_file_of_a_dataset_is_on_the_page() -> None:
    """`verify` knows the kinds of files by the beginnings of their names."""
    from transforms.output import erase

    for start in erase._SCHEMAS:
        assert f"### {start}" in page()
