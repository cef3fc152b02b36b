"""A small dataset over several days: sessions, consent and deletions that a test changes from day to day."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from pathlib import Path
from typing import Any

from pipeline.commands.commit import Outcome
from pipeline.commands.run import execute
from pipeline.inputs.config import load_settings
from pipeline.runners.progress import Progress
from tests.support.version_files import files_of

KEY = bytes(range(32))
GRANTED = "2025-10-01T00:00:00Z"


def message(number: int, text: str, second: int, role: str = "user") -> dict[str, Any]:
    """A message of a session, the one after the message before it."""
    return {
        "message_id": f"m{number}-{second}",
        "parent_id": f"m{number}-{second - 1}" if second else None,
        "role": role,
        "origin": "human" if role == "user" else "model",
        "sent_at": f"2026-01-01T00:{number:02d}:{second:02d}Z",
        "content": text,
    }


def session(number: int, *texts: str, user: str = "", tier: str = "free") -> dict[str, Any]:
    """A session of a user; the texts are a question and an answer in turn."""
    roles = ("user", "assistant")
    return {
        "conversation_id": f"c{number}",
        "user_id": user or f"u{number % 4}",
        "tier": tier,
        "surface": "chat",
        "created_at": f"2026-01-01T00:{number:02d}:00Z",
        "messages": [message(number, text, n, roles[n % 2]) for n, text in enumerate(texts)],
    }


def usual(number: int) -> dict[str, Any]:
    """A session with something to mask."""
    return session(
        number, f"Write to kim{number}@example.org, please.", "I wrote to the address that you gave."
    )


@dataclasses.dataclass
class Days:
    """The inputs of a dataset, and its runs, all in the process of the test."""

    folder: Path
    logs: dict[str, list[dict[str, Any]]] = dataclasses.field(default_factory=dict)
    consent: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    deletions: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    shards: int = 2

    @property
    def dataset(self) -> Path:
        """The dataset that every day adds a version to."""
        return self.folder / "out"

    def run(
        self,
        as_of: str,
        out: Path | None = None,
        checked_share: float = 0.0,
        to_share: bool = False,
        rebuild: bool = False,
        **settings: Any,
    ) -> Outcome:
        """A version of the dataset, or of another one in `out`, over the present inputs."""
        config = self._write(as_of)
        overrides = {
            "output.path": str(out or self.dataset),
            "output.shards": self.shards,
            "as_of": as_of,
            **settings,
        }
        loaded = load_settings(config, overrides)
        progress = Progress(False)
        return execute(
            loaded, "run", [], progress, to_share=to_share, checked_share=checked_share, rebuild=rebuild
        )

    def rebuilt(self, as_of: str, **settings: Any) -> Outcome:
        """The first version of a new dataset over the present inputs."""
        made = len(list(self.folder.glob("rebuilt*")))
        return self.run(as_of, self.folder / f"rebuilt{made}", **settings)

    def _write(self, as_of: str) -> Path:
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        for path in logs.iterdir():
            if path.name not in self.logs:
                path.unlink()
        for name, records in self.logs.items():
            _put(logs / name, "".join(json.dumps(record) + "\n" for record in records))
        rows = [(*each, as_of) for each in self.consent]
        head = ("user_id", "state", "decided_at", "snapshot_at")
        _put(self.folder / "consent.csv", _csv(head, rows))
        deleted = [(*each, "2026-01-05T00:00:00Z") for each in self.deletions]
        _put(self.folder / "deletions.csv", _csv(("kind", "id", "deleted_at"), deleted))
        config = {
            "inputs": [{"path": "logs/*"}],
            "consent": {"snapshots": ["consent.csv"]},
            "deletions": "deletions.csv",
            "policy": "consumer-terms-2025-09-28",
            "deid": "default",
            "key": KEY.hex(),
            "output": {"path": "out", "on_exists": "new_version"},
            "runner": {"name": "direct", "workers": 1, "buckets": 2},
        }
        _put(self.folder / "config.yaml", json.dumps(config))
        return self.folder / "config.yaml"


def begun(folder: Path, sessions: int = 12) -> Days:
    """The inputs of a first day: some sessions of four users, who all granted."""
    days = Days(folder)
    days.logs["a.jsonl"] = [usual(number) for number in range(sessions)]
    days.consent = [(f"u{number}", "granted", GRANTED) for number in range(4)]
    return days


def differing(one: Outcome, other: Outcome) -> list[str]:
    """The files in which two versions differ."""
    first, second = files_of(one.folder), files_of(other.folder)
    return sorted(name for name in {*first, *second} if first.get(name) != second.get(name))


def _put(path: Path, text: str) -> None:
    """Writes a file only if its content changes, as a delivery does."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _csv(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    return text.getvalue()
