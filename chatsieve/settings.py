"""A configuration as a file or a mapping, with what the caller sets by keyword."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path as LocalPath
from pathlib import PurePath
from typing import Any

from chatsieve.paths import Path, path_text
from chatsieve.process import modes
from pipeline.inputs.config import (
    Settings,
    absolute,
    load_settings,
    policy_argument,
    settings_of,
)

#: A configuration: the path of a YAML file, or a mapping with the same keys.
Config = Path | Mapping[str, Any]
#: What errors call a configuration that is no file.
_NAME = LocalPath("the configuration")


def settings_for(
    config: Config,
    *,
    as_of: dt.datetime | str | None = None,
    output: Path | None = None,
    output_key: str = "output.path",
    policy: Path | None = None,
    wait: dt.timedelta | str | None = None,
    more: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings of a configuration. Raises ConfigError with a line for each fault.

    Paths of a file are relative to it; paths of a mapping, `output` and `policy` to the working folder.
    `more` maps dotted keys to values.
    """
    given: dict[str, tuple[str, Any]] = {}
    if as_of is not None:
        given["as_of"] = ("as_of", _plain(as_of))
    if output is not None:
        given[output_key] = ("output", absolute(path_text("output", output)))
    if policy is not None:
        given["policy"] = ("policy", policy_argument(path_text("policy", policy)))
    if wait is not None:
        given["wait"] = ("wait", wait)
    for dotted, value in (more or {}).items():
        given[dotted] = (f"set[{dotted!r}]", _plain(value))
    overrides = {dotted: value for dotted, (_, value) in given.items()}
    options = {dotted: name for dotted, (name, _) in given.items()}
    with modes():  # `create_key` writes a key
        if isinstance(config, Mapping):
            return settings_of(_plain(config), {}, _NAME, LocalPath.cwd(), overrides, options)
        return load_settings(LocalPath(path_text("config", config)), overrides, options=options)


def _plain(value: Any) -> Any:
    """A copy of a value as YAML has it: mappings, lists, texts and numbers; durations stay as they are."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return str(value) if isinstance(value, PurePath) else value
