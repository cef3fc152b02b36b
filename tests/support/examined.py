"""A configuration without faults, which tests of `chatsieve doctor` change, and what its checks find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipeline.commands.doctor.examine import CHECKS
from pipeline.commands.doctor.settings import load
from pipeline.inputs.config import Settings
from tests.support.first_logs import first_logs

KEY = "ab" * 32


class Examined:
    """A folder with `run.yaml`, which a run would accept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "run.yaml"
        first_logs("canonical", folder)
        self.key = folder / "chatsieve.key"
        self.key.write_text(KEY)
        self.key.chmod(0o600)
        self.tree: dict[str, Any] = {
            "inputs": [{"path": "logs/*.jsonl"}],
            "consent": {"snapshots": ["agreed.csv"]},
            "policy": "consumer-terms-2025-09-28",
            "deid": "default",
            "as_of": "2026-03-01T00:00:00Z",
            "key_file": "chatsieve.key",
            "output": {"path": "out/dataset", "on_exists": "new_version"},
            "runner": {"name": "direct", "workers": 1},
        }
        self.save()

    def save(self, **keys: Any) -> None:
        """Writes the configuration with these top-level keys changed; None removes a key."""
        self.tree = {name: value for name, value in (self.tree | keys).items() if value is not None}
        self.config.write_text(yaml.safe_dump(self.tree))

    def write(self, name: str, text: str) -> Path:
        """A file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def settings(self, **overrides: Any) -> Settings:
        """The loaded configuration."""
        found = load(self.config, overrides).settings
        assert found is not None
        return found

    def found(self, check: str, **overrides: Any) -> list[str]:
        """What one check tells, as `level: text`; paths below the folder are relative to it."""
        (run,) = (each.run for each in CHECKS if each.name == check)
        told = [f"{level}: {text}" for level, text in run(self.settings(**overrides))]
        return [line.replace(f"{self.folder}/", "") for line in told]
