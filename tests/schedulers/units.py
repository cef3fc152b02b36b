"""A systemd unit as the manager reads it: directives by section, and the command with specifiers expanded."""

from __future__ import annotations

import shlex
from pathlib import Path


def directives(path: Path) -> dict[str, dict[str, str]]:
    """Directives by section. ValueError for a line that is none, or for a directive given twice."""
    found: dict[str, dict[str, str]] = {}
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("["):
            section = line.strip("[]")
            found[section] = {}
            continue
        name, equals, value = line.partition("=")
        if not equals or name in found[section]:
            raise ValueError(line)
        found[section][name] = value
    return found


def command_of(unit: dict[str, dict[str, str]], credentials: Path) -> list[str]:
    """The arguments of ExecStart; %d is the folder of credentials."""
    text = unit["Service"]["ExecStart"].replace("%d", str(credentials))
    if "%" in text:
        raise ValueError(text)
    return shlex.split(text)
