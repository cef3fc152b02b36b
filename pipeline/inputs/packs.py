"""Policy packs and de-identification configs, from local files or from an object store."""

from __future__ import annotations

from pathlib import Path

from schemas.deid import DeidConfig, load_deid
from schemas.errors import ConfigError, PolicyError
from schemas.policy import Pack, load_pack
from schemas.yaml_tree import MAX_BYTES
from transforms.storage.places import open_file


def pack_at(path: Path | str) -> Pack:
    """The policy pack of a file or an object; raises PolicyError."""
    return load_pack(path, _object_bytes(path, PolicyError))


def deid_at(path: Path | str) -> tuple[DeidConfig, str]:
    """The de-identification config of a file or an object, and its digest; raises ConfigError."""
    return load_deid(path, _object_bytes(path, ConfigError))


def _object_bytes(path: Path | str, error: type[ConfigError]) -> bytes | None:
    """The bytes of an object, as many as a configuration may have; None for a local file."""
    if isinstance(path, Path):
        return None
    try:
        with open_file(path) as file:
            return file.read(MAX_BYTES + 1)
    except OSError as caught:
        raise error(f"{path}: cannot be read: {caught.strerror}") from None
