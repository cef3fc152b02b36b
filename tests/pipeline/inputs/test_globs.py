"""A glob matches logs, and never the files of a dataset."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.inputs.globs import matching
from tests.support.forging import linked_copy


@pytest.mark.parametrize("relative", [False, True])
def test_a_recursive_glob_does_not_match_below_a_dataset(
    finished: tuple[Path, subprocess.CompletedProcess[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    relative: bool,
) -> None:
    """Whoever writes below the folder of the logs would read quarantine and rows as logs on the next day."""
    logs = tmp_path / "logs"
    (logs / "anna/deep").mkdir(parents=True)
    own = {logs / "anna/deep/a.jsonl", logs / "b.parquet", logs / "CURRENT.json"}
    for path in own:
        path.write_text("{}")
    linked_copy(finished[0], logs / "out")
    (logs / "killed/v0001-3fa9c1/quarantine").mkdir(parents=True)
    (logs / "killed/v0001-3fa9c1/quarantine/part-00000-of-00001.jsonl").write_text("{}")
    monkeypatch.chdir(tmp_path)
    start = "logs" if relative else str(logs)
    found = {Path(path).resolve() for path in matching(f"{start}/**/*.*") if Path(path).is_file()}
    assert found == own
    assert matching(f"{start}/out/**/*.parquet") == []
    assert matching(f"{start}/*/latest/data/*.parquet") == []


def test_files_named_by_themselves_and_folders_called_alike_are_read(
    finished: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """What is named is meant; a file CURRENT of somebody else makes no dataset."""
    out = linked_copy(finished[0], tmp_path / "out")
    (shard, *_) = sorted(out.glob("latest/data/*"))
    assert matching(str(shard)) == [str(shard)]
    assert str(shard) in matching(f"{out}/latest/data/*.parquet")
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1/CURRENT").write_text("7\n")
    (tmp_path / "v1/a.jsonl").write_text("{}")
    assert matching(f"{tmp_path}/*/*.jsonl") == [f"{tmp_path}/v1/a.jsonl"]
