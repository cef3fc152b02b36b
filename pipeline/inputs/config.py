"""Loads the configuration: resolves paths, reads the key, loads policy and de-identification config."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import yaml

from pipeline.inputs.key_file import check_one_key, read_key
from pipeline.inputs.packaged import Kind, check_found, packaged_file, packaged_names
from pipeline.inputs.packs import deid_at, pack_at
from schemas.config import RunConfig
from schemas.deid import DeidConfig
from schemas.errors import ConfigError, Faults
from schemas.policy import Pack, Policy
from schemas.strict_yaml import validate
from schemas.windows import has_date
from schemas.yaml_tree import Lines, load_tree, override
from transforms.shuffle.run_key import KeyReference, key_of
from transforms.storage.places import check_scheme, is_remote, location

#: The de-identification config that is used where none is given.
DEFAULT_DEID = packaged_file("deid", "default")
#: The options that set a key of the configuration; `--set` sets all others.
_OPTIONS = {
    "as_of": "--as-of",
    "inputs": "--input",
    "consent.snapshots": "--consent",
    "output.path": "--output",
    "policy": "--policy",
    "wait": "--wait",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Settings:
    """A loaded configuration. `base`: the folder that relative paths start from.

    `packs`: the policies to decide by. A run has one; an audit may compare several.
    """

    path: Path
    base: Path
    config: RunConfig
    packs: tuple[Pack, ...]
    deid: DeidConfig
    deid_sha256: str
    key_reference: KeyReference
    as_of: dt.datetime

    @property
    def policy(self) -> Policy:
        """The policy; the first one of an audit with several."""
        return self.packs[0].policy

    @property
    def key(self) -> bytes:
        """The key, which was read with the configuration."""
        return key_of(self.key_reference)

    def output_path(self, kind: str) -> PurePath:
        """The folder or prefix of runs or audits: `audit.path`, else `<output.path>.audit`, for audits."""
        path = self.config.output.path
        if kind == "audit":
            path = self.config.audit.path or f"{path.rstrip('/') if is_remote(path) else path}.audit"
        return location(path) if is_remote(path) else Path(self.resolve(path))

    def at(self, now: dt.datetime) -> Settings:
        """These settings at a later moment: unless it is fixed, `as_of` is that moment, in whole seconds."""
        if self.config.as_of is not None:
            return self
        return dataclasses.replace(self, as_of=now.replace(microsecond=0))

    def resolve(self, path: str) -> str:
        """The absolute form of a path in the configuration."""
        return resolve_path(self.base, path)


def load_settings(
    path: Path,
    overrides: dict[str, Any],
    more_policies: Sequence[str] = (),
    options: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of a configuration file; `overrides` maps dotted keys to values.

    `more_policies` are names or files of further policies to compare with that of the configuration.
    `options`: what sets each of the overrides, for errors; by default an option of the command line.
    Inputs given as plain paths take format and defaults from the file's first input.
    """
    if is_remote(str(path).replace(":/", "://", 1)):
        raise ConfigError(f"{path}: the run configuration is a local file; what it names may be in a store")
    tree, lines = load_tree(path)
    if options is None:
        options = {dotted: _option_text(dotted, value) for dotted, value in overrides.items()}
    return settings_of(tree, lines, path, path.resolve().parent, overrides, options, more_policies)


def settings_of(
    tree: Any,
    lines: Lines,
    path: Path,
    base: Path,
    overrides: Mapping[str, Any],
    options: Mapping[str, str],
    more_policies: Sequence[str] = (),
) -> Settings:
    """The settings of a configuration that is read; `overrides` are set in `tree` first.

    `path` names the configuration in errors, `lines` has the lines of its keys, and `options` the option that
    sets each of the overrides. Relative paths start from `base`.
    """
    for dotted, value in overrides.items():
        if dotted == "inputs" and all(isinstance(item, str) for item in value):
            value = [_input_like(_first_input(tree), item) for item in value]
        override(tree, dotted, value, ConfigError, options[dotted].partition("=")[0])
    # The files that the configuration names are checked even if the configuration itself has faults.
    faults = Faults()
    config = faults.kept(lambda: validate(tree, lines, path, RunConfig, ConfigError, options))
    names = [*_named(tree, "policy"), *more_policies]
    packs = [faults.kept(functools.partial(_pack, name, base)) for name in names]
    deids = [faults.kept(functools.partial(_deid, name, base)) for name in _named(tree, "deid")]
    key_reference = faults.kept(lambda: _key(path, tree, config, base))
    if config is None or key_reference is None or None in packs or None in deids:
        raise faults.error()
    ((deid, deid_sha256),) = filter(None, deids)
    return Settings(
        path=path,
        base=base,
        config=config,
        packs=_unlike(tuple(filter(None, packs))),
        deid=deid,
        deid_sha256=deid_sha256,
        key_reference=key_reference,
        as_of=config.as_of or dt.datetime.now(dt.UTC).replace(microsecond=0),
    )


def _named(tree: Any, key: str) -> list[str]:
    """The text of a key of a configuration that may have faults; nothing where it has no text."""
    given = tree.get(key) if isinstance(tree, dict) else None
    return [given] if isinstance(given, str) and given else []


def _pack(name: str, base: Path) -> Pack:
    return pack_at(find_config("policies", name, base))


def _deid(name: str, base: Path) -> tuple[DeidConfig, str]:
    return deid_at(find_config("deid", name, base))


def _key(path: Path, tree: Any, config: RunConfig | None, base: Path) -> KeyReference | None:
    """The key; for a configuration with faults only a check that it names one, and None."""
    if config is not None:
        return read_key(path, config, lambda given: resolve_path(base, given))
    check_one_key(path, tree if isinstance(tree, dict) else {})
    return None


def _option_text(dotted: str, value: Any) -> str:
    """The option of the command line that sets this key, for errors; without values that may be secret."""
    option = _OPTIONS.get(dotted)
    if isinstance(value, dict | list) or dotted.startswith(("key", "consent.sources")):
        return option or f"--set {dotted}"
    return f"{option} {value}" if option else f"--set {dotted}={value}"


def _unlike(packs: tuple[Pack, ...]) -> tuple[Pack, ...]:
    ids = [pack.policy.id for pack in packs]
    for policy_id in ids:
        if ids.count(policy_id) > 1:
            raise ConfigError(f"--policy: two policies have the id {policy_id}; give each an id of its own")
    return packs


def _first_input(tree: Any) -> dict[str, Any]:
    inputs = tree.get("inputs") if isinstance(tree, dict) else None
    first = inputs[0] if isinstance(inputs, list) and inputs else None
    return first if isinstance(first, dict) else {}


def _input_like(first: dict[str, Any], path: str) -> dict[str, Any]:
    """An input with this path and what else the first one has; a window only if the path has dates."""
    days = () if has_date(path) else ("since", "until", "lateness")
    return {**{key: value for key, value in first.items() if key not in (*days, "ready")}, "path": path}


def find_config(kind: Kind, given: str, base: Path) -> Path | str:
    """The file of a packaged policy or de-identification config, given by name, or any file, given by path.

    A packaged name comes first: write ./NAME for a file without a suffix. Relative paths start from `base`.
    A URL stays text, for `pack_at` and `deid_at`.
    """
    if given in packaged_names(kind):
        return packaged_file(kind, given)
    if is_remote(given):
        return given
    path = Path(resolve_path(base, given))
    check_found(kind, given, path)
    return path


def resolve_path(base: Path, path: str) -> str:
    """The absolute path, or the URL of objects in a store; ConfigError for another URL."""
    if is_remote(path):
        return path.rstrip("/")
    check_scheme(path)
    return os.path.normpath(base / Path(path).expanduser())


def overrides_of(
    as_of: str | None,
    inputs: list[str] | None,
    consent: list[str] | None,
    output: str | None,
    policy: str | None,
    assignments: list[str] | None,
    output_key: str = "output.path",
) -> dict[str, Any]:
    """Dotted keys and their values, from the command line. Paths are relative to the working folder.

    ConfigError for an option without a value, such as an unset variable of a shell.
    """
    given = {
        "--as-of": [as_of],
        "--input": inputs,
        "--consent": consent,
        "--output": [output],
        "--policy": [policy],
    }
    for option, values in given.items():
        if any(value is not None and not value.strip() for value in values or ()):
            raise ConfigError(f"{option}: has no value; give one, or leave the option out")
    overrides: dict[str, Any] = {}
    if as_of is not None:
        overrides["as_of"] = as_of
    if inputs:
        overrides["inputs"] = [absolute(path) for path in inputs]
    if consent:
        overrides["consent.snapshots"] = [absolute(path) for path in consent]
    if output is not None:
        overrides[output_key] = absolute(output)
    if policy is not None:
        overrides["policy"] = policy_argument(policy)
    for text in assignments or []:
        key, value = parse_assignment(text)
        overrides[key] = value
    return overrides


def policy_argument(given: str) -> str:
    """A policy of the command line: a packaged name unchanged, or an absolute path."""
    if given in packaged_names("policies"):
        return given
    path = absolute(given)
    check_found("policies", given, Path(path))
    return path


def deid_argument(given: str | None) -> Path | str | None:
    """The file of a de-identification config of the command line, given by name or path."""
    return None if given is None else find_config("deid", given, Path.cwd())


def absolute(path: str) -> str:
    """The absolute form of a path on the command line; it is relative to the working folder."""
    check_scheme(path)
    return path if is_remote(path) else str(Path.cwd() / Path(path).expanduser())


def parse_assignment(text: str) -> tuple[str, Any]:
    """("a.b.c", value) of `a.b.c=value`; the value is parsed as YAML."""
    key, sign, value = text.partition("=")
    key = key.strip()
    if not sign or not all(map(str.strip, key.split("."))):
        raise ConfigError("--set: expected KEY=VALUE, such as --set output.shards=8")
    if not value.strip():
        raise ConfigError(f"--set {key}: has no value; write null for none, or '\"\"' for an empty text")
    try:
        parsed = value.strip() if _is_time(value) else yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError(f"--set {key}: the value is not valid YAML; put text in quotes") from None
    return key, parsed


def _is_time(value: str) -> bool:
    return re.match(r"\s*\d{4}-\d\d-\d\d", value) is not None
