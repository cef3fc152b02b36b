"""Runs over inputs in buckets of real servers write what runs over the same files on disk write."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.inputs.packaged import packaged_file
from tests.cluster.buckets import Server
from tests.cluster.job_services import wherever_inputs_are
from tests.support.command import TWO_WORKERS, chatsieve, current, table_of
from tests.support.logs_of_formats import AT, FAMILIES, logs_of
from tests.support.version_files import files_of
from transforms.storage.objects.store import ObjectStore

pytestmark = pytest.mark.cluster
#: The formats whose records name no user get one from a mapping table or from defaults.
USERS = ("u", "v", "w", "x", "account-1", "mapped", "given", "user_0a_account_b-1_session_c")
SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs of all families, consent, lists, mapping, policy and de-identification config."""
    folder = tmp_path_factory.mktemp("inputs") / "files"
    inputs: list[dict[str, Any]] = []
    for family in FAMILIES:
        logs = logs_of(family, folder / family)
        defaults = {"user_id": "given", "tier": "free", "surface": "chat", "created_at": AT}
        path = f"{family}/{logs.pattern}".rstrip("/")
        inputs.append({"path": path, "format": logs.format, "defaults": defaults})
        if family == "claude-code":
            inputs[-1]["mapping"] = "lists/people.csv"
    (folder / "lists").mkdir()
    (folder / "lists/people.csv").write_text("path,user_id\n-home-x/**,mapped\n")
    (folder / "lists/deleted.csv").write_text(f"kind,id,deleted_at\nconversation,u-7,{AT}\nuser,x,{AT}\n")
    terms = "organization_id,surface,valid_from,valid_to,reference\norg,,2025-01-01T00:00:00Z,,r1\n"
    (folder / "lists/terms.csv").write_text(terms)
    for day, state in (("2026-02-01", "refused"), ("2026-02-28", "granted")):
        part = folder / f"consent/snapshot_at={day}/part.csv"
        part.parent.mkdir(parents=True)
        rows = [
            f"{user},{state if user != 'v' else 'refused'},2026-01-0{day[-1]}T00:00:00Z" for user in USERS
        ]
        part.write_text("\n".join(["user_id,state,decided_at", *rows]) + "\n")
    (folder / "events.jsonl").write_text(json.dumps(_event("late", "2026-02-28T12:00:00Z")) + "\n")
    shutil.copy(packaged_file("policies", "consumer-terms-2025-09-28"), folder / "lists/policy.yaml")
    shutil.copy(packaged_file("deid", "default"), folder / "lists/deid.yaml")
    config = {
        "inputs": inputs,
        "consent": {
            "snapshots": ["consent/snapshot_at=*/*.csv"],
            "sources": [{"format": "segment", "path": "events.jsonl", "category": "training"}],
        },
        "authorizations": "lists/terms.csv",
        "deletions": "lists/deleted.csv",
        "policy": "./lists/policy.yaml",
        "deid": "./lists/deid.yaml",
        "as_of": "2026-03-01T00:00:00Z",
        "key": "ab" * 32,
        "output": {"path": "../out", "shards": 2},
        "limits": {"max_quarantined_fraction": 1, "max_record_bytes": "1MiB"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def _event(user: str, at: str) -> dict[str, Any]:
    """A decision as Segment sends it."""
    preferences = {"consent": {"categoryPreferences": {"training": True}}}
    event = {"type": "track", "event": "Segment Consent Preference Updated", "userId": user}
    return {**event, "timestamp": at, "receivedAt": at, "context": preferences}


@pytest.fixture(scope="module")
def local(files: Path) -> dict[str, Path]:
    """The dataset and the audit of the files on disk."""
    made = {}
    for kind in ("run", "audit"):
        made[kind] = files.parent / f"local-{kind}"
        done = chatsieve(kind, "-c", files / "config.yaml", "--output", made[kind], "--quiet")
        assert (done.returncode, done.stderr) == (0, "")
    return made


@pytest.fixture
def remote(files: Path, place: str, tmp_path: Path) -> Path:
    """A configuration whose inputs are in the bucket."""
    store = ObjectStore(place)
    for path in sorted(files.rglob("*")):
        if path.is_file():
            store.put(path.relative_to(files).as_posix(), path.read_bytes())
    config = yaml.safe_load((files / "config.yaml").read_text())
    for source in config["inputs"]:
        source["path"] = f"{place}/{source['path']}"
        if "mapping" in source:
            source["mapping"] = f"{place}/{source['mapping']}"
    config["consent"]["snapshots"] = [f"{place}/{each}" for each in config["consent"]["snapshots"]]
    config["consent"]["sources"][0]["path"] = f"{place}/events.jsonl"
    for name in ("authorizations", "deletions", "policy", "deid"):
        config[name] = f"{place}/{config[name].removeprefix('./')}"
    made = tmp_path / "config.yaml"
    made.write_text(yaml.safe_dump(config))
    return made


def manifest_of(dataset: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((current(dataset) / "manifest.json").read_text())
    return found


@pytest.mark.parametrize("kind", ["run", "audit"])
def test_bytes_do_not_depend_on_where_the_inputs_are(
    local: dict[str, Path], remote: Path, tmp_path: Path, server: Server, kind: str
) -> None:
    """Every format, consent, lists, mapping, policy and packs; two workers, which read by themselves."""
    out = tmp_path / "out"
    done = chatsieve(kind, "-c", remote, "--output", out, "--quiet", *TWO_WORKERS, fresh=True)
    assert (done.returncode, done.stderr) == (0, "")
    found, expected = (files_of(current(each)) for each in (out, local[kind]))
    assert wherever_inputs_are(found) == wherever_inputs_are(expected)
    rows = table_of(out, "ledger")
    assert {"eligible", "opted_out", "deleted", "truncated_input"} <= {row["reason"] for row in rows}
    here, there = manifest_of(local[kind]), manifest_of(out)
    for name in ("inputs", "snapshots", "counts", "entities"):
        assert there[name] == here[name], name
    for path in out.rglob("*"):
        for name in SECRETS:
            value = server.environment.get(name, "no value").encode()
            assert not path.is_file() or value not in path.read_bytes()
