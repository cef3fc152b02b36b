"""The command as a user runs it, and what it wrote."""

from __future__ import annotations

import dataclasses
import hmac
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

COMMAND = Path(sys.executable).parent / "chatsieve"


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A folder that `chatsieve sample` wrote."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    def truth(self) -> list[dict[str, Any]]:
        return read_lines(self.path / "truth/decisions.jsonl")

    def planted(self) -> list[dict[str, Any]]:
        return read_lines(self.path / "truth/planted.jsonl")

    def key_of(self, conversation_id: str) -> str:
        key = bytes.fromhex((self.path / "chatsieve.key").read_text().strip())
        return hmac.digest(key, b"conversation\0" + conversation_id.encode(), "sha256")[:16].hex()


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def chatsieve(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command and gives its exit code and output."""
    return subprocess.run(
        [str(COMMAND), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def table_of(run: Path, folder: str) -> list[dict[str, Any]]:
    """All rows of a folder's Parquet files, in order."""
    return [
        row for file in sorted((run / folder).glob("*.parquet")) for row in pq.read_table(file).to_pylist()
    ]
