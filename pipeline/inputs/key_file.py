"""Generates a key of 32 random bytes."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from schemas.errors import OutputError


def make_key() -> str:
    """A new key, as 64 hex digits."""
    return secrets.token_hex(32)


def write_key(path: Path) -> None:
    """Writes a new key to a new file (mode 0600); OutputError if the file exists or cannot be written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise OutputError(f"{path}: exists already; a key is never replaced, give another file") from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); give another file") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(make_key() + "\n")
