"""A dataset that grows day by day: logs of several formats, runs over them, and rebuilds to compare with."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.support.command import chatsieve, current
from tests.support.logs_of_formats import AT, FAMILIES, logs_of
from tests.support.opens_seen import OpensSeen

KEY = "5c" * 32
AS_OF = "2026-03-01T00:00:00Z"
USERS = ("u", "v", "w", "x", "u1", "someone", "nobody-else")
#: Folders of a version whose bytes a rebuild gives as well.
SAME = ("data/", "ledger/", "quarantine/", "restricted/")


class Days:
    """Inputs below `logs/FAMILY`, one input a family, and the dataset `out`."""

    def __init__(self, folder: Path, families: tuple[str, ...] = tuple(FAMILIES)) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.logs = folder / "logs"
        defaults = {"user_id": "someone", "tier": "pro", "surface": "chat", "created_at": AT}
        inputs: list[dict[str, Any]] = []
        for family in families:
            made = logs_of(family, self.logs / family)
            path = str(self.logs / family / made.pattern).rstrip("/")
            inputs.append({"path": path, "format": made.format, "defaults": dict(defaults)})
        (folder / "consent.csv").write_text(
            "user_id,state,decided_at,snapshot_at\n"
            + "".join(f"{user},granted,2025-09-01T00:00:00Z,2026-02-28T20:00:00Z\n" for user in USERS)
        )
        (folder / "deletions.csv").write_text("kind,id,deleted_at\n")
        self.config: dict[str, Any] = {
            "inputs": inputs,
            "consent": {"snapshots": ["consent.csv"]},
            "deletions": "deletions.csv",
            "policy": "consumer-terms-2025-09-28",
            "deid": "default",
            "as_of": AS_OF,
            "key": KEY,
            "output": {"path": "out", "shards": 2, "on_exists": "new_version"},
            "limits": {"max_quarantined_fraction": 1.0},
            "runner": {"name": "direct", "workers": 1},
        }

    def done(self, *arguments: object, out: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A run of the configuration."""
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(self.config))
        return chatsieve("run", "-c", path, "--output", out or self.out, *arguments)

    def run(self, *arguments: object) -> dict[str, Any]:
        """A run that adds a version; its `increment`."""
        before = self.version
        done = self.done("--quiet", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert self.version == before + 1
        return self.increment

    def run_seen(self, *arguments: object) -> set[str]:
        """The log files that a run opens, relative to `logs`."""
        with OpensSeen(self.logs) as seen:
            self.run(*arguments)
        return seen.names

    @property
    def version(self) -> int:
        catalog = self.out / "CURRENT"
        return int(json.loads(catalog.read_text())["version"]) if catalog.exists() else 0

    @property
    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((current(self.out) / "manifest.json").read_text())
        return found

    @property
    def increment(self) -> dict[str, Any]:
        found: dict[str, Any] = self.manifest["increment"]
        return found

    def assert_rebuilt(self, name: str) -> None:
        """The current version is, byte for byte, what a run into a new dataset gives."""
        out = self.folder / name
        done = self.done("--quiet", out=out)
        assert (done.returncode, done.stderr) == (0, "")
        ours, theirs = sums(current(self.out)), sums(current(out))
        assert ours == theirs
        mine, other = self.manifest, json.loads((current(out) / "manifest.json").read_text())
        for field in ("counts", "inputs", "snapshots", "entities"):
            assert mine[field] == other[field]


def sums(version: Path) -> dict[str, str]:
    """The SHA-256 of the files of a version that a rebuild gives as well."""
    return {
        str(path.relative_to(version)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(version.rglob("*"))
        if path.is_file() and str(path.relative_to(version)).startswith(SAME)
    }


def replaced(path: Path, data: bytes) -> None:
    """Writes another file in the place of one: it gets another identity."""
    other = path.with_name(f"{path.name}.new")
    other.write_bytes(data)
    other.replace(path)
