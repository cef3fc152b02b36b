"""Every key of the three files has a meaning and an example that the program accepts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest

from pipeline.reference.configuration import Key, sections
from pipeline.reference.types import named_models, type_words
from pipeline.reference.values import size_text, yaml_text
from schemas.config import RunConfig
from schemas.config_schemas import MODELS
from schemas.errors import ConfigError
from schemas.known_keys import known_keys
from schemas.strict_yaml import StrictModel
from schemas.yaml_tree import load_tree

KEYS = [(name, key) for name in MODELS for section in sections(name) for key in section.keys]
PLACES = {(name, key.place) for name, key in KEYS}


def models(kind: type[StrictModel] = StrictModel) -> Iterator[type[StrictModel]]:
    """The models of configurations, without those that others are derived from."""
    for below in kind.__subclasses__():
        if below.__module__.startswith("schemas.") and not below.__name__.startswith("_"):
            yield below
        yield from models(below)


FIELDS = [
    (model, field.alias or name, example)
    for model in sorted(set(models()), key=lambda each: each.__name__)
    for name, field in model.model_fields.items()
    for example in field.examples or []
]


def faults_at(model: type[StrictModel], tree: Any, name: str) -> list[str]:
    """The types of the faults in one key."""
    try:
        model.model_validate(tree)
    except pydantic.ValidationError as error:
        return [fault["type"] for fault in error.errors() if fault["loc"][:1] == (name,)]
    return []


@pytest.mark.parametrize(("name", "key"), KEYS, ids=[f"{name}:{key.place}" for name, key in KEYS])
def test_a_key_has_a_meaning_and_an_example(name: str, key: Key) -> None:
    """The page, editors and `init` show them; one example is enough."""
    assert key.schema.get("description", "").endswith((".", ")")), f"{name}: {key.place}"
    assert len(key.schema["examples"]) == 1


@pytest.mark.parametrize(
    ("model", "name", "example"), FIELDS, ids=[f"{model.__name__}.{name}" for model, name, _ in FIELDS]
)
def test_an_example_as_the_page_writes_it_is_accepted(
    model: type[StrictModel], name: str, example: Any
) -> None:
    """A reader copies it into a file. Faults of keys that the example lacks do not count."""
    tree, _ = load_tree(Path("example.yaml"), ConfigError, f"{name}: {yaml_text(example)}\n".encode())
    assert faults_at(model, tree, name) == []


def test_an_example_of_a_wrong_type_is_found() -> None:
    """The check of examples must be able to fail."""
    assert faults_at(RunConfig, {"create_key": "yes"}, "create_key") == ["bool_type"]


@pytest.mark.parametrize("name", MODELS)
def test_the_page_has_every_key_that_the_program_knows(name: str) -> None:
    """`known_keys` is what errors list; the page must not have fewer."""
    for section in sections(name):
        assert len(section.keys) == len({key.place for key in section.keys})
    assert {(name, key) for key in known_keys(MODELS[name], {}, [])} <= PLACES


@pytest.mark.parametrize(
    "place",
    [
        ("run", "inputs[].path"),
        ("run", "inputs[].fields.messages[].role.alternate"),
        ("run", "consent.sources[].columns.snapshot_at"),
        ("run", "audit.fail_if.max_share"),
        ("run", "runner.environment.type"),
        ("policy", "rules.NAME.clause"),
        ("policy", "clauses[].accounts"),
        ("deid", "models.NAME.labels"),
        ("deid", "operators.NAME.class"),
    ],
)
def test_keys_within_lists_unions_and_mappings_are_found(place: tuple[str, str]) -> None:
    """The walk over the JSON Schema must not stop at a form that it does not know."""
    assert place in PLACES


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1}, "whole number, 1 or more"),
        ({"type": "integer", "minimum": 2, "maximum": 1000}, "whole number, 2 to 1,000"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "number, more than 0, 1 at most"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text"),
        ({"enum": ["a", None]}, "one of `a`, `null`"),
        ({"type": "array", "items": {"$ref": "#/$defs/X"}}, "list of mappings"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "mapping of name to number"),
        ({"const": "flink"}, "`flink`"),
    ],
)
def test_types_are_named_in_plain_words(schema: dict[str, Any], words: str) -> None:
    """The readers of the page write YAML, not JSON Schema."""
    assert type_words(schema) == words


def test_a_mapping_in_place_of_a_list_of_one_has_one_section() -> None:
    """Otherwise every key of it would be listed twice."""
    model = {"properties": {"a": {}}}
    both = {"anyOf": [{"items": model, "type": "array"}, model]}
    assert [suffix for suffix, _ in named_models({}, both)] == ["[]"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("out/dataset", "out/dataset"),
        ("logs/{date}/*", "logs/{date}/*"),
        (["turns[].text"], '["turns[].text"]'),
        ("~", '"~"'),
        ("1.5", '"1.5"'),
        ("%d.%m", '"%d.%m"'),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ({"a": True, "b": None}, "{a: true, b: null}"),
    ],
)
def test_texts_have_quotes_only_where_yaml_needs_them(value: Any, text: str) -> None:
    """An example with needless quotes teaches needless quotes."""
    assert yaml_text(value) == text


def test_sizes_have_the_largest_whole_unit() -> None:
    """67108864 is hard to read."""
    assert [size_text(size) for size in (64 << 20, 1 << 30, 1536, 1000)] == ["64MiB", "1GiB", "1536", "1000"]
