"""Models that find names in windows of text: their files, and what they return."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from schemas.errors import DeidError
from schemas.sections.name_models import ModelConfig

#: JSON can escape them; neither spaCy nor tokenizers take a text with one.
LONE_SURROGATES = re.compile("[\ud800-\udfff]")


class Found(NamedTuple):
    """A PERSON or an ADDRESS at [start, end) of a window."""

    start: int
    end: int
    type: str


class NameModel(Protocol):
    """A model, whose files were found and checked. Not thread-safe.

    `reads_all` is True if it reads all windows, not only doubtful ones.
    """

    reads_all: bool

    def load(self) -> None:
        """Loads the model, if it is not loaded; raises DeidError if that is not possible."""

    def entities(self, windows: Sequence[str]) -> list[list[Found]]:
        """By window its entities, in order. The result depends on the windows of the call only."""


def load_name_model(config: ModelConfig) -> NameModel:
    """The model of a config; raises DeidError if it is missing, is not the pinned one, or does not fit."""
    # Each imports a library of its own, which takes a second.
    if config.onnx is not None:
        from transforms.deid.people.onnx_ner import OnnxModel

        return OnnxModel(config)
    from transforms.deid.people.spacy_ner import SpacyModel

    return SpacyModel(config)


def model_path(config: ModelConfig) -> Path:
    """The folder of the model: a path, or inside an installed package. Never a download."""
    folder = config.path if config.onnx is None else config.onnx
    if folder is not None:
        path = Path(folder)
    else:
        spec = importlib.util.find_spec(config.package or "")
        if spec is None or not spec.submodule_search_locations:
            raise DeidError(f"model package {config.package}: is not installed; run the set-up")
        package = Path(next(iter(spec.submodule_search_locations)))
        path = next((file.parent for file in sorted(package.glob("*/config.cfg"))), package / "_model")
    if not path.is_dir():
        raise DeidError(f"model {config.name}: there is no such folder")
    return path


def model_digest(config: ModelConfig) -> str:
    """The digest of the model's files; raises DeidError if they are missing, or not those that are pinned."""
    digest = digest_of_folder(model_path(config))
    if config.sha256 and digest != config.sha256:
        raise DeidError(f"model {config.name}: its files are not the pinned ones; reinstall it")
    return digest


def digest_of_folder(path: Path) -> str:
    """SHA-256 over names and contents of all files of a folder."""
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        digest.update(f"{file.relative_to(path).as_posix()}\0".encode())
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()
