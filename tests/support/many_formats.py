"""Sessions in every built-in format, valid and damaged, for runs that must agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.support.command import Corpus, chatsieve
from tests.support.records_of_formats import GOOD, records

_ARRAYS = ("claude-export", "chatgpt-export")
#: Altered records of each format.
_OF_EACH = 30


def many_formats(folder: Path, conversations: int) -> Corpus:
    """The sample as JSON Lines, some of its ids again in Parquet, and records of each other format."""
    for name, number, form in (("lines", conversations, "jsonl.gz"), ("parquet", 40, "parquet")):
        arguments = ("--conversations", number, "--seed", number, "--input-format", form)
        made = chatsieve("sample", folder / name, *arguments)
        assert made.returncode == 0, made.stderr
    path = folder / "lines" / "config.yaml"
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    config["inputs"].append({"path": "../parquet/logs/*.parquet", "format": "canonical"})
    config["consent"]["snapshots"].append("../parquet/consent/*.parquet")
    defaults = {"user_id": "someone", "tier": "pro", "surface": "chat", "created_at": "2026-01-05T00:00:00Z"}
    for name in GOOD:
        if name != "canonical":
            file = _written(folder, name)
            config["inputs"].append({"path": str(file), "format": name, "defaults": defaults})
    config["limits"] = {"max_quarantined_fraction": 1.0}
    path.write_text(yaml.safe_dump(config))
    return Corpus(folder / "lines")


def _written(folder: Path, name: str) -> Path:
    made = records(name)[:_OF_EACH]
    if name in _ARRAYS:
        path = folder / name / "conversations.json"
        text = json.dumps(made)
    else:
        path = folder / name / "log.jsonl"
        text = "".join(json.dumps(record) + "\n" for record in made)
    path.parent.mkdir()
    path.write_text(text)
    return path
