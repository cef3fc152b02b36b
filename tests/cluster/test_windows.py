"""Windows of days and readiness over buckets of real servers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import chatsieve, current, table_of
from tests.support.dated_logs import DatedLogs
from transforms.storage.objects.store import ObjectStore

pytestmark = pytest.mark.cluster
DAYS = ("2026-02-26", "2026-02-27", "2026-02-28", "2026-03-01")


def test_days_in_a_bucket_are_read_as_days_on_disk(place: str, tmp_path: Path) -> None:
    """Refused without the marker of a day, then the same ledger; nothing is written by a refusal."""
    local = DatedLogs(tmp_path / "local", ready={"marker": "logs/{date}/_SUCCESS"})
    local.consent("2026-02-28T18:00:00Z")
    for day in (DAYS[0], *DAYS[2:]):
        local.log(day, day)
    for day in DAYS:
        local.write(f"logs/{day}/_SUCCESS")
    assert chatsieve("audit", "-c", local.config, "--quiet").returncode == 0
    store = ObjectStore(place)
    for path in local.folder.glob("*/**/*"):
        name = path.relative_to(local.folder).as_posix()
        if path.is_file() and name.startswith(("logs/", "consent/")):
            store.put(name, path.read_bytes())
    remote = DatedLogs(
        tmp_path / "remote",
        path=f"{place}/logs/{{date}}/*.jsonl",
        ready={"marker": f"{place}/logs/{{date}}/_SUCCESS"},
    )
    consent = {"snapshots": [f"{place}/consent/*.csv"], "ready": {"max_age": "P1D"}}
    remote.save(consent=consent, output={"path": f"{place}/out", "on_exists": "new_version"})
    store.remove("logs/2026-02-27/_SUCCESS")
    before = store.names()
    refused = chatsieve("audit", "-c", remote.config)
    assert refused.returncode == 4
    assert f"inputs[0]: no marker {place}/logs/2026-02-27/_SUCCESS; nothing was written" in refused.stderr
    assert store.names() == before
    store.put("logs/2026-02-27/_SUCCESS", b"")
    done = chatsieve("audit", "-c", remote.config, "--quiet", "--output", tmp_path / "remote/out")
    assert (done.returncode, done.stderr) == (0, "")
    assert table_of(tmp_path / "remote/out", "ledger") == table_of(local.folder / "out.audit", "ledger")
    manifest = json.loads((current(tmp_path / "remote/out") / "manifest.json").read_text())
    assert manifest["arguments"]["inputs"][0]["window"] == {
        "first": "2026-02-26",
        "last": "2026-02-28",
        "days_without_files": ["2026-02-27"],
    }
    assert [entry["name"] for entry in manifest["inputs"]] == ["2026-02-26/a.jsonl", "2026-02-28/a.jsonl"]


def test_a_day_of_one_object_that_is_missing_has_no_file(place: str, tmp_path: Path) -> None:
    """A name without a wildcard that no object has is no folder."""
    logs = DatedLogs(tmp_path, path=f"{place}/{{date}}.jsonl")
    logs.consent("2026-02-28T18:00:00Z")
    ObjectStore(place).put("2026-02-27.jsonl", logs.log("2026-02-27", "one").read_bytes())
    done = chatsieve("audit", "-c", logs.config, "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(table_of(tmp_path / "out.audit", "ledger")) == 1
