"""Checks of answers: each gives the answer as the configuration has it, or raises ValueError with a cure."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pydantic

from pipeline.inputs.config import absolute, find_config
from pipeline.inputs.globs import files_at, files_matching, is_file, refused
from pipeline.inputs.packaged import Kind, packaged_names
from pipeline.inputs.packs import deid_at, pack_at
from schemas.errors import ChatsieveError
from schemas.mapped.paths import RecordPath
from schemas.mapped.values import ROLES, zone_of
from schemas.policy import Policy
from schemas.sections.inputs import InputDefaults
from schemas.strict_yaml import Instant, fault_text
from transforms.consent.snapshots import inspect_snapshot
from transforms.shuffle.instants import later, moment_text

Check = Callable[[str], str]
_INSTANT: pydantic.TypeAdapter[dt.datetime] = pydantic.TypeAdapter(Instant)
_FIELD: pydantic.TypeAdapter[str] = pydantic.TypeAdapter(RecordPath)


def default_value(name: str) -> Check:
    """A check of a value of `defaults`, such as user_id or created_at."""

    def check(text: str) -> str:
        try:
            InputDefaults.model_validate({name: text})
        except pydantic.ValidationError as error:
            raise ValueError(fault_text(error.errors()[0], None)) from None
        return text

    return check


def one_of(values: Sequence[str]) -> Check:
    """A check that the answer is one of the values."""

    def check(text: str) -> str:
        if text not in values:
            raise ValueError(f"expected one of {', '.join(values)}")
        return text

    return check


def role(text: str) -> str:
    """A role of a message; null leaves such messages out."""
    return one_of([*ROLES, "null"])(text)


def time_zone(text: str) -> str:
    """A time zone or an offset."""
    zone_of(text)
    return text


def field(text: str) -> str:
    """The path of a field that a record has once."""
    return _valid(_FIELD, text)


def instant(text: str) -> str:
    """An instant, or nothing for the time of the run."""
    return _valid(_INSTANT, text) if text else ""


def config_of(kind: Kind) -> Check:
    """A check of a policy or de-identification config: a packaged name, or the absolute path of a file."""

    def check(text: str) -> str:
        with _as_value():
            if text in packaged_names(kind):
                return text
            found = find_config(kind, text, Path.cwd())
            if kind == "policies":
                pack_at(found)
            else:
                deid_at(found)
        return absolute(text)

    return check


def policy_of(given: str) -> Policy:
    """The policy with this name or at this path."""
    return pack_at(find_config("policies", given, Path.cwd())).policy


def listed(text: str) -> str:
    """The absolute path of a list, which must exist; nothing for none."""
    with _as_value(), refused():
        if text and not is_file(absolute(text)):
            raise ValueError("there is no such file")
    return text and absolute(text)


def logs(text: str) -> str:
    """The path itself, if it has files."""
    _not_empty(text)
    with _as_value():
        files_at(absolute(text))
    return text


def consent(text: str) -> str:
    """The absolute path or glob of snapshots, which are read once; nothing for none."""
    if not text or text == "none":
        return ""
    pattern = absolute(text)
    with _as_value(), refused():
        files = files_matching(pattern)
        if not files:
            raise ValueError("there is no such file; give a file or a glob that matches one")
        for file in files:
            inspect_snapshot(file.path, dt.datetime.now(dt.UTC))
    return pattern


def output(text: str) -> str:
    """The absolute path or URL of the output."""
    _not_empty(text)
    with _as_value():
        found = absolute(text)
        if Path(found).is_file():
            raise ValueError("is a file; give a folder")
    return found


def staleness(patterns: Sequence[str], policy: Policy, as_of: str) -> str | None:
    """Why a run would refuse these snapshots for their age, with the cure; None if it would not."""
    moment = _INSTANT.validate_python(as_of) if as_of else dt.datetime.now(dt.UTC)
    with refused():
        files = [file.path for pattern in patterns for file in files_matching(pattern)]
        known = [at for path in files for at in inspect_snapshot(path, moment).instants]
    newest = max(known, default=None)
    if newest is None:
        return f"no snapshot is known at {moment_text(moment)}; add a snapshot, or give a later --as-of"
    if later(newest, policy.max_snapshot_age) >= moment:
        return None
    return (
        f"the newest snapshot is of {moment_text(newest)}, which is too old for policy {policy.id}: a run "
        f"will be refused; export a newer one, or decide as of then (as_of: {moment_text(newest)})"
    )


def _valid[Value](adapter: pydantic.TypeAdapter[Value], text: str) -> str:
    try:
        adapter.validate_python(text)
    except pydantic.ValidationError as error:
        raise ValueError(fault_text(error.errors()[0], None)) from None
    return text


def _not_empty(text: str) -> None:
    if not text.strip():  # as a path, this would be the working folder
        raise ValueError("is empty; give a value, or leave it out")


@contextlib.contextmanager
def _as_value() -> Iterator[None]:
    """Errors of chatsieve become a ValueError with their first line, without the name of the answer."""
    try:
        yield
    except ChatsieveError as error:
        raise ValueError(re.sub(r"^(policy|deid): \S+: ", "", error.lines[0])) from None
