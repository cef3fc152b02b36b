"""Detects workers whose chatsieve is missing or older, from the error that a runner passes on."""

from __future__ import annotations

import re

_OURS = r"(?:chatsieve|pipeline|schemas|transforms)\b"
_MISSING = re.compile(rf"ModuleNotFoundError: No module named '{_OURS}[^']*'")
_OTHER = re.compile(
    rf"(?:AttributeError|ImportError): .*<module '{_OURS}|ImportError: cannot import name .*'{_OURS}"
)
_ADVICE = "give workers and command line the same version or image; nothing was committed"


def other_code(text: str) -> str | None:
    """What is wrong with the workers' chatsieve; None if the error has another cause."""
    if _MISSING.search(text):
        return f"a worker has no chatsieve, or another version; {_ADVICE}"
    if _OTHER.search(text):
        return f"a worker has another chatsieve; {_ADVICE}"
    return None
