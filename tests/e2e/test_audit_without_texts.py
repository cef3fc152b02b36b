"""`chatsieve audit` over Parquet with damaged text columns: the ledger equals that of undamaged files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.sources.canonical.test_metadata_only import spoil
from tests.support.command import chatsieve, current

pytestmark = pytest.mark.e2e


def ledger(out: Path) -> list[str]:
    return [
        hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted((current(out) / "ledger").iterdir())
    ]


def test_an_audit_of_spoilt_texts_has_the_ledger_of_a_run(tmp_path: Path) -> None:
    """The whole graph, every scenario, damaged records too: no decision of theirs hangs on a text."""
    made = chatsieve(
        "sample", tmp_path / "pq", "--conversations", 220, "--seed", 11, "--input-format", "parquet"
    )
    assert made.returncode == 0, made.stderr
    logs = sorted((tmp_path / "pq/logs").iterdir())
    base = ["-c", tmp_path / "pq/config.yaml", "--set", "runner.workers=1", "--quiet", "--output"]
    for kind, out in (("run", "run"), ("audit", "sound")):
        done = chatsieve(kind, *base, tmp_path / out)
        assert done.returncode == 0, done.stderr
    for file in logs:
        spoil(file)
    spoilt = chatsieve("audit", *base, tmp_path / "spoilt")
    assert spoilt.returncode == 0, spoilt.stderr
    assert ledger(tmp_path / "spoilt") == ledger(tmp_path / "sound") == ledger(tmp_path / "run")
    inputs = json.loads((current(tmp_path / "spoilt") / "manifest.json").read_text())["inputs"]
    assert inputs == json.loads((current(tmp_path / "sound") / "manifest.json").read_text())["inputs"]
    assert ["metadata_sha256" in entry and "sha256" not in entry for entry in inputs] == [True] * len(logs)
    assert chatsieve("verify", tmp_path / "spoilt").returncode == 0
