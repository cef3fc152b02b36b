"""Values at paths of a record, and the texts, ids and roles in them. All raise Fault with the path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from schemas.mapped.paths import EACH, Steps, steps_of, text_of
from schemas.mapped.values import FieldConfig, RoleConfig
from schemas.records import Origin, Role
from transforms.sources.chats.columns import ROLES
from transforms.sources.chats.lists import SPEAKERS
from transforms.sources.faults import Fault, Field, bad_field

Read = Callable[[Any], Any]
#: Words for roles, in lower case.
ROLE_WORDS: dict[str, Role] = {**SPEAKERS, **ROLES}  # type: ignore[dict-item]  # SPEAKERS has roles
_ORIGINS = frozenset(get_args(Origin))


def at(steps: Steps, path: str) -> Read:
    """Reads the value at steps without EACH: None where one is missing or null."""
    if not steps:
        return lambda value: value
    if len(steps) == 1 and isinstance(steps[0], str):
        name = steps[0]

        def field(value: Any) -> Any:
            if isinstance(value, dict):
                return value.get(name)
            raise bad_field(path, value)

        return field

    def walk(value: Any) -> Any:
        for step in steps:
            if value is None:
                return None
            if isinstance(step, str):
                if not isinstance(value, dict):
                    raise bad_field(path, value)
                value = value.get(step)
            else:
                if not isinstance(value, list):
                    raise bad_field(path, value)
                value = value[step] if step is not None and step < len(value) else None
        return value

    return walk


def elements(steps: Steps, path: str) -> Callable[[Any], list[Any] | None]:
    """Reads the elements at steps that end with EACH, of all lists in turn; None for a missing list."""
    place = steps.index(EACH)
    read, rest = at(steps[:place], path), steps[place + 1 :]
    inner = elements(rest, path) if rest else None

    def listed(value: Any) -> list[Any] | None:
        found = read(value)
        if found is None:
            return None
        if not isinstance(found, list):
            raise bad_field(path, found)
        if inner is None:
            return found
        return [each for element in found for each in inner(element) or ()]

    return listed


def below(path: str, each: Steps) -> tuple[bool, Steps]:
    """(True, the steps in an element of the list `each`), or (False, the steps in the record)."""
    steps = steps_of(path)
    inside = bool(each) and steps[: len(each)] == each
    return inside, steps[len(each) :] if inside else steps


def text(config: FieldConfig) -> Read:
    """The text of a value after `values`; None for null. Integers become text; other types are faults."""
    path, values = config.path or "", config.values

    def read(value: Any) -> str | None:
        if value is None:
            return None
        written = form(value)
        if written is None:
            raise bad_field(path, value)
        if written in values:
            return values[written]
        if isinstance(value, str):
            return value
        if isinstance(value, bool) or not isinstance(value, int):
            raise bad_field(path, value)
        return written

    return read


def role(config: RoleConfig) -> Callable[[Any], Role | None]:
    """The role of a value: by `values`, else a known word. None: the message is left out."""
    path, values = config.path or "", config.values
    known: dict[Any, Role | None] = {}

    def read(value: Any) -> Role | None:
        written = value if isinstance(value, str) else form(value)
        if written in known:
            return known[written]
        if value is None:
            raise Fault("missing_field", None, Field(path, "null"))
        if written is None or (written not in values and written.lower() not in ROLE_WORDS):
            raise bad_field(path, value)
        found = values[written] if written in values else ROLE_WORDS[written.lower()]
        known[written] = found
        return found

    return read


def origin(config: FieldConfig) -> Read:
    """The origin of a value; other words than those of the canonical format are faults."""
    of_text = text(config)

    def read(value: Any) -> str | None:
        found: str | None = of_text(value)
        if found is not None and found not in _ORIGINS:
            raise bad_field(config.path or "", value)
        return found

    return read


def flag(config: FieldConfig) -> Callable[[Any], bool | None]:
    """True or false; `values` may give other words."""

    def read(value: Any) -> bool | None:
        written = form(value)
        written = config.values.get(written or "", written)
        if value is None or written in ("true", "false"):
            return None if value is None else written == "true"
        raise bad_field(config.path or "", value)

    return read


def form(value: Any) -> str | None:
    """A text, number or boolean as `values` names it; None for any other type."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def list_path(each: Steps) -> str:
    """The path of a list, without [] at its end."""
    return text_of(each[:-1])
