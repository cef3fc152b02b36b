"""`chatsieve keygen`: a key of 32 random bytes."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from schemas.errors import OutputError


def make_key() -> str:
    """64 hex digits."""
    return secrets.token_hex(32)


def write_key(path: Path) -> None:
    """Writes a new key, readable by its owner only; raises OutputError rather than replace a file."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise OutputError(f"{path}: exists already; a key is never replaced") from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(make_key() + "\n")
