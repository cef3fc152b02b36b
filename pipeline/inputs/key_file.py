"""Generates a key of 32 random bytes, and reads the key of a configuration."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.inputs.variables import expand, variable_of
from schemas.config import RunConfig
from schemas.errors import ConfigError, OutputError
from schemas.keys import parse_key
from transforms.shuffle.run_key import KeyReference, KeySource, remember
from transforms.storage.operations import private_file
from transforms.storage.places import is_remote

_WAYS = ("key", "key_file", "key_command")
_ADVICE = "generate a key with `chatsieve keygen`"


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


def read_key(path: Path, config: RunConfig, resolve: Callable[[str], str]) -> KeyReference:
    """The reference to the key of a configuration file; this process has read the key then.

    `resolve`: makes paths of the configuration absolute. ConfigError where there is no key, or none that is
    valid. A command of `key_command` that is a path is relative to the configuration, as other paths are.
    """
    check_one_key(path, config.model_dump(include=set(_WAYS)))
    if config.key is not None:
        key = parse_key(expand(config.key, f"{path}: key", _ADVICE), f"{path}: key")
        variable = variable_of(config.key)
        return remember(KeySource("variable", (variable,)) if variable else KeySource("literal"), key)
    if config.key_command is not None:
        program, *arguments = config.key_command
        program = resolve(program) if "/" in program else program
        source = KeySource("command", (program, *arguments))
    elif is_remote(config.key_file or ""):
        raise ConfigError(
            f"{path}: key_file: no key is read from a bucket; give a local file, or key: ${{CHATSIEVE_KEY}}"
        )
    else:
        source = KeySource("file", (resolve(config.key_file or ""),))
        if config.create_key:
            _create(Path(source.place[0]))
    return remember(source, source.read())


def check_one_key(path: Path, given: Mapping[str, Any]) -> None:
    """Raises ConfigError unless the values of a configuration name one key."""
    if sum(given.get(name) is not None for name in _WAYS) != 1:
        raise ConfigError(f"{path}: expected one of key, key_file and key_command; {_ADVICE}")


def _create(file: Path) -> None:
    if file.exists():
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{file}: key_file cannot be written ({error.strerror}); {_ADVICE}") from None
    write_key(file)
