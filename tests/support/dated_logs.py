"""A configuration whose input covers days, with logs and consent that tests write day by day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from pipeline.inputs.config import Settings, load_settings

KEY = "ab" * 32
USERS = ("u1", "u2", "u3")


class DatedLogs:
    """A folder with `run.yaml`; its first input reads `logs/{date}/*.jsonl`."""

    def __init__(self, folder: Path, **first: Any) -> None:
        self.folder = folder
        self.config = folder / "run.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        entry = {"path": "logs/{date}/*.jsonl", "since": "2026-02-26", **first}
        self.tree: dict[str, Any] = {
            "inputs": [{key: value for key, value in entry.items() if value is not None}],
            "consent": {"snapshots": ["consent/*.csv"]},
            "policy": "consumer-terms-2025-09-28",
            "deid": "default",
            "as_of": "2026-03-01T00:00:00Z",
            "key": KEY,
            "output": {"path": "out", "shards": 1, "on_exists": "new_version"},
            "runner": {"name": "direct", "workers": 1},
        }
        self.save()

    def save(self, **keys: Any) -> None:
        """Writes the configuration with these top-level keys changed."""
        self.tree |= keys
        self.config.write_text(yaml.safe_dump(self.tree))

    def settings(self, **overrides: Any) -> Settings:
        """The loaded configuration."""
        return load_settings(self.config, overrides)

    def write(self, name: str, text: str = "") -> Path:
        """A file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def log(self, day: str, *sessions: str, user: str = "u1", name: str = "a.jsonl") -> Path:
        """A file of a day with a short session of each id, at noon of that day."""
        return self.write(f"logs/{day}/{name}", "".join(session(each, user, day) for each in sessions))

    def consent(self, at: str, state: str = "granted") -> Path:
        """A snapshot made at this instant, in which every user decided long before."""
        rows = [f"{user},{state},2025-10-01T00:00:00Z,{at}" for user in USERS]
        return self.write(f"consent/{at}.csv", "\n".join(["user_id,state,decided_at,snapshot_at", *rows, ""]))


def session(conversation: str, user: str, day: str) -> str:
    """A line of the canonical format: a question and an answer at noon of the day."""
    messages = [
        {"message_id": f"{conversation}-{n}", "role": role, "sent_at": f"{day}T12:0{n}:00Z", "content": text}
        for n, (role, text) in enumerate(
            [("user", "How long does rice cook?"), ("assistant", "About 15 minutes.")]
        )
    ]
    record = {
        "conversation_id": conversation,
        "user_id": user,
        "tier": "free",
        "surface": "chat",
        "created_at": f"{day}T12:00:00Z",
        "messages": messages,
    }
    return json.dumps(record) + "\n"
