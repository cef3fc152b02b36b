"""A night of commands on one small dataset, whose every name, id and text is a canary."""

from __future__ import annotations

import dataclasses
import gzip
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.collector import Collector, collecting
from tests.support.command import Corpus, chatsieve

#: In names of folders and files, in ids, and in a text. No list has them.
CANARIES = ("zzofqa", "wyszqinska", "qhaslova", "brzqcki", "+33 6 12 34 56 78")
_SESSIONS = 30


@dataclasses.dataclass(frozen=True)
class Night:
    """What each command printed, the folder of the metrics files, and what the collector received."""

    done: dict[str, subprocess.CompletedProcess[str]]
    metrics: Path
    collector: Collector

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The log of a command; fails for a line that is no JSON object."""
        found = [json.loads(line) for line in self.done[name].stderr.splitlines()]
        assert all(isinstance(line, dict) for line in found)
        return found

    def events(self, name: str) -> list[str]:
        return [line["event"] for line in self.lines(name)]


def _session() -> dict[str, Any]:
    """An eligible session whose ids and text are canaries."""
    message = {
        "role": "user",
        "content": "I am Zzofqa Brzqcki, +33 6 12 34 56 78",
        "message_id": "m-qhaslova",
    }
    answer = {"role": "assistant", "content": "Hello.", "message_id": "m-2", "parent_id": "m-qhaslova"}
    return {
        "conversation_id": "conversation-wyszqinska",
        "user_id": "user-zzofqa",
        "tier": "pro",
        "surface": "chat",
        "created_at": "2026-02-01T10:00:00Z",
        "messages": [
            {**message, "sent_at": "2026-02-01T10:00:00Z"},
            {**answer, "sent_at": "2026-02-01T10:01:00Z"},
        ],
    }


def _home(corpus: Corpus, root: Path) -> Path:
    """A configuration whose files and folders are named after a person."""
    home = root / "zzofqa"
    logs = home / "Zzofqa Wyszqinska"
    logs.mkdir(parents=True)
    first = gzip.decompress(sorted((corpus.path / "logs").iterdir())[0].read_bytes())
    kept = b"".join(first.splitlines(keepends=True)[:_SESSIONS])
    own = json.dumps(_session()).encode()
    (logs / "Qhaslova chats.jsonl").write_bytes(kept + own + b"\nno json\n")
    shutil.copytree(corpus.path / "consent", home / "Brzqcki consent")
    decided = "2026-01-01T00:00:00Z,2026-02-28T00:00:00Z"
    (home / "Brzqcki consent/Zzofqa.csv").write_text(
        f"user_id,state,decided_at,snapshot_at\nuser-zzofqa,granted,{decided}\n"
    )
    config = {
        "inputs": [{"path": str(logs / "*.jsonl")}],
        "consent": {"snapshots": ["Brzqcki consent/*.parquet", "Brzqcki consent/*.csv"]},
        "policy": "consumer-terms-2025-09-28",
        "deid": "default",
        "as_of": "2026-03-01T00:00:00Z",
        "key_file": "brzqcki.key",
        "output": {"path": "Qhaslova out", "shards": 1},
        "audit": {"path": "Wyszqinska audit"},
        "limits": {"max_quarantined_fraction": 0.2},
        "runner": {"workers": 1},
    }
    (home / "brzqcki.key").write_text("5a" * 32 + "\n")
    (home / "Zzofqa.yaml").write_text(json.dumps(config))
    return home


@pytest.fixture(scope="session")
def night(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Every watched command once, then a run that is refused."""
    home = _home(corpus, tmp_path_factory.mktemp("night"))
    metrics = tmp_path_factory.mktemp("textfiles")
    config, out, key = home / "Zzofqa.yaml", home / "Qhaslova out", ("--key-file", home / "brzqcki.key")
    commands: dict[str, tuple[object, ...]] = {
        "run": ("run", "-c", config),
        "verify": ("verify", out, *key),
        "audit": ("audit", "-c", config, "--compare", out),
        "forget": ("forget", out, *key, "--user", "user-zzofqa", "--user", "user-brzqcki"),
        "expire": ("expire", out, *key, "--as-of", "2026-03-01"),
        "gc": ("gc", out, "--keep", "3"),
        "refused": ("run", "-c", config),
    }
    done = {}
    with collecting() as collector:
        for name, arguments in commands.items():
            file = metrics / ("audit.prom" if name == "audit" else "chat.prom")
            done[name] = chatsieve(
                *arguments,
                *("--metrics-file", file),
                CHATSIEVE_LOG_FORMAT="json",
                OTEL_EXPORTER_OTLP_ENDPOINT=collector.address,
                OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test",
            )
            if name == "run":
                shutil.copy(file, metrics / "after-run.prom")
    return Night(done, metrics, collector)
