"""Names of source formats: the built-in ones, and those registered by other packages."""

from __future__ import annotations

import importlib.metadata

from schemas.known_keys import closest

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
    "mapped",
)
#: How an input of format `mapped` is read whose records are single messages, or have no conversation id.
MAPPED_GROUPS, MAPPED_HISTORIES = "mapped-groups", "mapped-histories"
#: Formats in which a record may repeat the whole history of another one, under an id of its own.
REPEAT_HISTORY = frozenset({"sharegpt", "openai-messages", MAPPED_HISTORIES})
#: Formats whose conversations may have further ids: session ids, or ids of records that repeat a history.
NAMED = REPEAT_HISTORY | {"claude-code"}
#: The entry-point group of other packages: the name of a format, and a `transforms.sources.base.Source`
#: class.
ENTRY_POINT_GROUP = "chatsieve.sources"


def registered() -> dict[str, importlib.metadata.EntryPoint]:
    """Formats of other packages by name. A name of a built-in format is ignored."""
    found = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    own = {*BUILT_IN, MAPPED_GROUPS, MAPPED_HISTORIES}
    return {point.name: point for point in found if point.name not in own}


def check_format(name: str) -> str:
    """The name itself; ValueError for an unknown format."""
    if name not in BUILT_IN and name not in registered():
        known = [*BUILT_IN, *sorted(registered())]
        guess = closest(name, known)
        meant = f"; did you mean {guess}?" if guess else ""
        raise ValueError(f"no such format; expected one of {', '.join(known)}{meant}")
    return name
