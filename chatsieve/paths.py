"""Paths and URLs as callers give them."""

from __future__ import annotations

import os
from pathlib import PurePath

from schemas.errors import ConfigError

#: A path on disk, or the URL of objects in a bucket.
Path = str | os.PathLike[str]


def path_text(name: str, given: Path) -> str:
    """The text of a path or URL that a caller gave as `name`; ConfigError for what is none, or is empty."""
    if not isinstance(given, str | os.PathLike):
        raise ConfigError(f"{name}: expected a path, not {type(given).__name__}")
    text = os.fspath(given)
    if not text.strip():
        raise ConfigError(f"{name}: is empty; give a value, or leave it out")
    return text


def location_of(name: str, given: Path) -> PurePath:
    """The same as a path on disk or in a bucket; ConfigError for a URL of another kind."""
    from transforms.storage.places import check_scheme, location

    text = path_text(name, given)
    check_scheme(text)
    return location(text)
