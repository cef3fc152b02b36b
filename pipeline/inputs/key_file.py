"""Generates a key of 32 random bytes."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from schemas.errors import OutputError
from transforms.storage.operations import private_file


def make_key() -> str:
    """A new key, as 64 hex digits."""
    return secrets.token_hex(32)


def write_key(path: Path) -> None:
    """Writes a new key to a new file (mode 0600); OutputError if the file exists or cannot be written."""
    try:
        descriptor = private_file(path)
    except FileExistsError:
        raise OutputError(f"{path}: exists already; a key is never replaced, give another file") from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); give another file") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(make_key() + "\n")
