"""Which catalogs are changed, and which paths name a dataset or a version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.commands.versions import collect
from pipeline.dataset.catalog import CURRENT
from pipeline.dataset.change import catalog_of
from pipeline.dataset.committed import version_folder
from pipeline.dataset.writer import begin
from schemas.errors import InputError, OutputError
from tests.pipeline.dataset.test_writer import bytes_below, committed


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("folder", "v0001-abcdef"),
        ("versions", [1, 1]),
        ("versions", [2, 1]),
        ("versions", [1, 3]),
        ("versions", [-1, 2]),
        ("versions", [1, 10**18]),
    ],
)
def test_a_catalog_that_contradicts_itself_is_never_changed(tmp_path: Path, field: str, value: Any) -> None:
    """A command that took it as it is could remove the version that counts."""
    path = tmp_path / "out"
    committed(path, b"one")
    committed(path, b"two")
    document = msgspec.json.decode((path / CURRENT).read_bytes())
    if field == "versions":
        for one, number in zip(document["versions"], value, strict=True):
            one["version"] = number
        document["version"] = max(value)
        document["folder"] = document["versions"][-1]["folder"]
    else:
        document[field] = value
    (path / CURRENT).write_bytes(msgspec.json.encode(document))
    before = bytes_below(path)
    with pytest.raises(OutputError, match="contradicts itself"):
        collect(path, 1)
    with pytest.raises(OutputError, match="contradicts itself"):
        begin(path, "run", "new_version")
    assert bytes_below(path) == before


@pytest.mark.parametrize("name", ["loop", "a" * 300, f"{'a' * 300}@1", "loop@1"])
def test_a_path_that_cannot_be_is_no_dataset(tmp_path: Path, name: str) -> None:
    """One line that names the path: a loop of links and a name that is too long are mistakes, not faults."""
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError):
        version_folder(tmp_path / name)
    with pytest.raises(InputError):
        catalog_of(tmp_path / name)


@pytest.mark.parametrize("kind", ["run", "audit"])
def test_no_dataset_is_made_under_the_name_of_a_version(tmp_path: Path, kind: Any) -> None:
    """A folder `out@1` would hide version 1 of `out` from every command."""
    with pytest.raises(OutputError, match="names a version"):
        begin(tmp_path / "out@1", kind, "new_version")
    assert list(tmp_path.iterdir()) == []
    begin(tmp_path / "out@home", kind, "refuse").rollback()
