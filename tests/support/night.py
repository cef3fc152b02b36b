"""A night of commands on one small dataset of which every name, and an id and a text, is a canary."""

from __future__ import annotations

import dataclasses
import gzip
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.claude_exports import conversation, packed
from tests.support.collector import Collector, collecting
from tests.support.command import Corpus, chatsieve, current

#: No list of names has these, so nothing but leaving them out can hide them.
NAMES = ("zzofqa", "wyszqinska", "qhaslova", "brzqcki")
#: Also in the text of an eligible session.
CANARIES = (*NAMES, "+33 6 12 34 56 78")
_SESSIONS = 40


@dataclasses.dataclass(frozen=True)
class Night:
    """What each command printed, their files, the metrics files, and what the collector received."""

    done: dict[str, subprocess.CompletedProcess[str]]
    home: Path
    metrics: Path
    collector: Collector

    @property
    def out(self) -> Path:
        return self.home / "Qhaslova out"

    @property
    def audit(self) -> Path:
        return self.home / "Wyszqinska audit"

    def counts(self) -> dict[str, Any]:
        """The counts of the run's manifest."""
        return json.loads((current(self.out) / "manifest.json").read_bytes())["counts"]

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The log of a command; fails for a line that is no JSON object."""
        found = [json.loads(line) for line in self.done[name].stderr.splitlines()]
        assert all(isinstance(line, dict) for line in found)
        return found

    def events(self, name: str) -> list[str]:
        return [line["event"] for line in self.lines(name)]


def night_of(corpus: Corpus, folder: Path) -> Night:
    """Every watched command once, then a run that is refused."""
    home, metrics = home_of(corpus, folder), folder / "textfiles"
    metrics.mkdir()
    night = Night({}, home, metrics, Collector())
    config, key = home / "Zzofqa.config.yaml", ("--key-file", home / "brzqcki.key")
    commands: dict[str, tuple[object, ...]] = {
        "run": ("run", "-c", config),
        "verify": ("verify", night.out, *key),
        "audit": ("audit", "-c", config, "--compare", night.out),
        "forget": ("forget", night.out, *key, "--user", "user-zzofqa", "--user", "user-brzqcki"),
        "expire": ("expire", night.out, *key, "--as-of", "2026-03-01"),
        "gc": ("gc", night.out, "--keep", "3"),
        "refused": ("run", "-c", config),
    }
    with collecting(night.collector):
        for name, arguments in commands.items():
            file = metrics / ("audit.prom" if name == "audit" else "chat.prom")
            night.done[name] = chatsieve(
                *arguments,
                *("--metrics-file", file),
                CHATSIEVE_LOG_FORMAT="json",
                OTEL_EXPORTER_OTLP_ENDPOINT=night.collector.address,
                OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test",
            )
            if name == "run":
                shutil.copy(file, metrics / "after-run.prom")
    return night


def home_of(corpus: Corpus, root: Path) -> Path:
    """A configuration whose every file and folder has the name of a person; some records are unreadable."""
    home = root / "zzofqa"
    logs = home / "Zzofqa Wyszqinska"
    logs.mkdir(parents=True)
    first = gzip.decompress(sorted((corpus.path / "logs").iterdir())[0].read_bytes())
    own = json.dumps(_session()).encode()
    kept = b"".join(first.splitlines(keepends=True)[:_SESSIONS])
    (logs / "Qhaslova chats.jsonl").write_bytes(kept + own + b"\nno json\n{}\n")
    (logs / "old-brzqcki.jsonl").write_bytes(bytes(range(256)) * 4096)
    packed(
        home / "export-wyszqinska.zip",
        {f"{name}/conversations.json": [conversation(uuid=name), 3] for name in ("Brzqcki", "Qhaslova")},
    )
    shutil.copytree(corpus.path / "consent", home / "Brzqcki consent")
    decided = "granted,2026-01-01T00:00:00Z,2026-02-28T00:00:00Z"
    (home / "Brzqcki consent/Zzofqa.csv").write_text(
        f"user_id,state,decided_at,snapshot_at\nuser-zzofqa,{decided}\n"
    )
    for name in ("deletions", "authorizations"):
        shutil.copy(corpus.path / f"{name}.csv", home / f"{name} of Qhaslova.csv")
    for name, kept in (("policies", "Wyszqinska"), ("deid", "Zzofqa")):
        shutil.copy(next((corpus.path / name).iterdir()), home / f"{kept}.yaml")
    (home / "brzqcki.key").write_text("5a" * 32 + "\n")
    (home / "map of Brzqcki.csv").write_text("path,user_id\nBrzqcki/*,user-1\n")
    config = {
        "inputs": [
            {
                "path": str(logs / "*.jsonl"),
                "mapping": "map of Brzqcki.csv",
                "defaults_by_path": [{"path": "Qhaslova*", "tier": "free"}],
            },
            {"path": "export-wyszqinska.zip", "format": "claude-export"},
        ],
        "consent": {"snapshots": ["Brzqcki consent/*.parquet", "Brzqcki consent/*.csv"]},
        "deletions": "deletions of Qhaslova.csv",
        "authorizations": "authorizations of Qhaslova.csv",
        "policy": "./Wyszqinska.yaml",
        "deid": "./Zzofqa.yaml",
        "as_of": "2026-03-01T00:00:00Z",
        "key_file": "brzqcki.key",
        "output": {"path": "Qhaslova out", "shards": 2},
        "audit": {"path": "Wyszqinska audit"},
        "limits": {"max_quarantined_fraction": 0.5},
        "runner": {"workers": 1},
    }
    (home / "Zzofqa.config.yaml").write_text(json.dumps(config))
    return home


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
