"""The page of configuration keys, from the JSON Schemas of the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pipeline.reference.markdown import code, table, wrapped
from pipeline.reference.types import described, named_models, type_words
from pipeline.reference.values import size_text, yaml_text
from schemas.config_schemas import MODELS
from schemas.known_keys import json_schema_of

_INTRODUCTION = """\
# Configuration

All keys of the three YAML files: the [run config](#run-config), the [policy pack](#policy-pack) and the
[de-identification config](#de-identification-config). `a.b` is the key `b` of the mapping `a`; `a[].b` is
the key of each element of the list `a`; in `a.NAME.b`, NAME is any name. `chatsieve run --set a.b=value` sets
a key of the run config for one run.

- **duration**: ISO 8601, such as `PT36H`, `P30D` or `P5Y`.
- **size**: bytes, such as `1048576`, `64MiB` or `1 GB`.
- **time**: RFC 3339 with an offset, such as `2026-03-01T00:00:00Z`.
- Paths are relative to the folder of the file that names them.
- An unknown key, a key given twice or a value of another type is an error with file, line, key and cure.

The first line of each shipped file names its JSON Schema, for editors:
[run](../../configs/schemas/run.schema.json), [policy](../../configs/schemas/policy.schema.json),
[deid](../../configs/schemas/deid.schema.json).
"""

#: The title of each file, and a sentence on it.
_FILES = {
    "run": (
        "Run config",
        "The file that `run`, `audit` and `explain` take with `-c`; see [operations](operations.md).",
    ),
    "policy": (
        "Policy pack",
        "Named by `policy` of a run config. [Policy](policy.md) explains how sessions are decided.",
    ),
    "deid": (
        "De-identification config",
        "Named by `deid` of a run config. [De-identification](de-identification.md) explains the steps.",
    ),
}


class Key(NamedTuple):
    """A key of a configuration file, as the page shows it.

    `place`: dotted, with `[]` and NAME. `schema`: its JSON Schema.
    """

    place: str
    schema: dict[str, Any]
    required: bool


class Section(NamedTuple):
    """The keys of one mapping. `title`: its place, and what selects it among several forms of the mapping."""

    place: str
    title: str
    meaning: str
    keys: list[Key]


def page() -> str:
    """The page in Markdown."""
    parts = [_INTRODUCTION]
    for name, (title, sentence) in _FILES.items():
        parts.append(f"\n## {title}\n\n{sentence}\n")
        for section, same in _grouped(sections(name)):
            if section.place:
                parts.append(f"\n### {section.title}\n")
            parts.append(f"\n{wrapped(section.meaning)}\n\n")
            if same:
                parts.append(wrapped(f"The same keys: {', '.join(map(code, same))}.") + "\n\n")
            parts.append(table(["key", "type", "default", "meaning", "example"], map(_row, section.keys)))
    return "".join(parts)


def sections(name: str) -> list[Section]:
    """All mappings of a file of `MODELS`, the file itself first, each before those within it."""
    root = json_schema_of(MODELS[name])
    return list(_sections(root, root, "", ""))


def _sections(root: dict[str, Any], schema: dict[str, Any], place: str, title: str) -> Iterator[Section]:
    required = schema.get("required", [])
    keys = [
        Key(f"{place}.{name}".removeprefix("."), described(root, one), name in required)
        for name, one in schema["properties"].items()
    ]
    yield Section(place, title or place, schema.get("description", ""), keys)
    for key in keys:
        for suffix, models in named_models(root, key.schema):
            for model in models:
                inner = key.place + suffix
                yield from _sections(root, model, inner, _title(inner, model, len(models) > 1))


def _grouped(found: list[Section]) -> list[tuple[Section, list[str]]]:
    """Each section once, with the places of later sections that have the same keys."""
    groups: dict[str, tuple[Section, list[str]]] = {}
    for section in found:
        below = [(key.place.removeprefix(section.place), key.schema) for key in section.keys]
        _, places = groups.setdefault(repr(below), (section, []))
        if section is not groups[repr(below)][0] and section.place not in places:
            places.append(section.place)
    return [(section, [each for each in same if each != section.place]) for section, same in groups.values()]


def _title(place: str, model: dict[str, Any], one_of_several: bool) -> str:
    if not one_of_several:
        return place
    fixed = next((name, one["const"]) for name, one in model["properties"].items() if "const" in one)
    return f"{place} with {fixed[0]}: {fixed[1]}"


def _row(key: Key) -> list[str]:
    words = type_words(key.schema)
    value = key.schema.get("default")
    given = "" if value in (None, [], {}) else code(size_text(value) if words == "size" else yaml_text(value))
    example = ", ".join(code(yaml_text(each)) for each in key.schema.get("examples", []))
    default = "required" if key.required else given
    return [code(key.place), words, default, key.schema.get("description", ""), example]
