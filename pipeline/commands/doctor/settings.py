"""A configuration as far as it can be loaded: what is faulty is replaced, so that the rest can be checked."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.inputs.config import Settings, load_settings
from schemas.errors import ChatsieveError, ConfigError
from schemas.yaml_tree import load_tree, override

#: What replaces a faulty part, by the name of the part; the parts do not depend on each other.
_KEYLESS: dict[str, Any] = {"key_file": None, "key_command": None, "create_key": False}
_STAND_INS: dict[str, dict[str, Any]] = {
    "key": _KEYLESS,
    "policy": {"policy": "consumer-terms-2025-09-28"},
    "deid": {"deid": "default"},
}


class Loaded(NamedTuple):
    """`settings`: None if nothing can be checked. `error`: all faults of the configuration.

    `missing`: the parts of the settings that are stand-ins: key, policy, deid. `creates_key`: the first run
    makes the key file.
    """

    settings: Settings | None
    error: ChatsieveError | None
    missing: frozenset[str]
    creates_key: bool


def load(path: Path, overrides: Mapping[str, Any]) -> Loaded:
    """The settings of a configuration; no key file is made."""
    stand_ins = {**_STAND_INS, "key": {**_KEYLESS, "key": secrets.token_hex(32)}}
    creates_key = _creates_key(path, overrides)
    always = {"key"} if creates_key else set()

    def loaded(replaced: set[str]) -> Settings:
        more = {key: value for name in sorted(replaced) for key, value in stand_ins[name].items()}
        return load_settings(path, {**overrides, **more})

    try:
        return Loaded(loaded(always), None, frozenset(always), creates_key)
    except ChatsieveError as error:
        first = error
    missing = set(always)
    for name in stand_ins:
        try:
            loaded(stand_ins.keys() - {name} | always)
        except ChatsieveError:
            missing.add(name)
    try:
        return Loaded(loaded(missing), first, frozenset(missing), creates_key)
    except ChatsieveError:
        return Loaded(None, first, frozenset(stand_ins), creates_key)


def _creates_key(path: Path, overrides: Mapping[str, Any]) -> bool:
    """True if the first run makes a key file, which does not exist yet."""
    try:
        tree, _ = load_tree(path)
        for dotted, value in overrides.items():
            if dotted in ("key_file", "create_key"):
                override(tree, dotted, value, ConfigError)
    except ChatsieveError:
        return False
    given = tree if isinstance(tree, dict) else {}
    file = given.get("key_file")
    if given.get("create_key") is not True or not isinstance(file, str) or not file:
        return False
    return not (path.resolve().parent / Path(file).expanduser()).exists()
