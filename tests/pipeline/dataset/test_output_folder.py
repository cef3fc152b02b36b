"""The rollback of an output folder: several policies are committed together or not at all."""

from __future__ import annotations

from pathlib import Path

from pipeline.dataset.output_folder import OutputFolder, claim_output
from transforms.shuffle.staging import stage


def committed(path: Path, text: bytes) -> OutputFolder:
    folder = claim_output(path, "new_version")
    name = f"ledger/{folder.prefix}part-00000-of-00001.parquet"
    stage(folder.staging, name, text)
    folder.commit([name], b'{"dataset_version": %d, "digest": "d"}' % folder.version)
    return folder


def test_a_first_version_taken_back_leaves_nothing(tmp_path: Path) -> None:
    """An audit beside one that failed would pass for half of a comparison."""
    folder = committed(tmp_path / "out", b"one")
    assert (tmp_path / "out/manifest.json").exists()
    folder.rollback()
    assert not (tmp_path / "out").exists()


def test_a_later_version_taken_back_leaves_the_one_before_it(tmp_path: Path) -> None:
    """What was committed before must count again, byte for byte."""
    out = tmp_path / "out"
    committed(out, b"one")
    before = {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    folder = committed(out, b"two")
    assert (out / "ledger/v0002/part-00000-of-00001.parquet").read_bytes() == b"two"
    folder.rollback()
    assert {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()} == before
