"""The names of source formats: those that come with the project, and those that other packages register."""

from __future__ import annotations

import importlib.metadata

BUILT_IN = (
    "canonical",
    "claude-code",
    "claude-export",
    "chatgpt-export",
    "sharegpt",
    "openai-messages",
    "wildchat",
    "lmsys",
    "anthropic-messages",
    "otel-genai",
)
#: The entry points of other packages: a name, and a class as transforms/sources/base.py has `Source`.
ENTRY_POINT_GROUP = "chatsieve.sources"


def registered() -> dict[str, importlib.metadata.EntryPoint]:
    """Formats of other packages by name; one that is named like a built-in one is none."""
    found = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    return {point.name: point for point in found if point.name not in BUILT_IN}


def check_format(name: str) -> str:
    """The name itself; raises ValueError for a format that nobody has."""
    if name not in BUILT_IN and name not in registered():
        known = ", ".join([*BUILT_IN, *sorted(registered())])
        raise ValueError(f"no such format; known are {known}")
    return name
