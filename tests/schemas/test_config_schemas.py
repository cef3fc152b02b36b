"""The JSON Schemas of configurations, which editors use: current, and true of the files that are shipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from schemas.config_schemas import MODELS, config_schema
from schemas.yaml_tree import load_tree
from tests.support.command import ROOT

CONFIGS = ROOT / "configs"
SHIPPED = {
    "run": sorted(CONFIGS.glob("*.yaml")),
    "policy": sorted((CONFIGS / "policies").glob("*.yaml")),
    "deid": sorted((CONFIGS / "deid").glob("*.yaml")),
}
FILES = [(name, path) for name, paths in SHIPPED.items() for path in paths]


@pytest.mark.parametrize("name", MODELS)
def test_the_file_is_the_schema_of_the_model(name: str) -> None:
    """`make config-schemas` writes it; an editor with an old schema marks valid keys as wrong."""
    assert (CONFIGS / "schemas" / f"{name}.schema.json").read_bytes() == config_schema(name)


@pytest.mark.parametrize(("name", "path"), FILES, ids=[path.name for _, path in FILES])
def test_a_shipped_file_names_its_schema_and_is_valid(name: str, path: Path) -> None:
    """The first line is what editors with the YAML language server read; the path is relative to the file."""
    mark, _, given = path.read_text().splitlines()[0].partition("=")
    assert mark == "# yaml-language-server: $schema"
    assert (path.parent / given).resolve() == CONFIGS / "schemas" / f"{name}.schema.json"
    jsonschema.validate(load_tree(path)[0], msgspec.json.decode(config_schema(name)))


@pytest.mark.parametrize(
    ("name", "keys", "value"),
    [
        ("run", ["inptus"], []),
        ("run", ["output", "shards"], "four"),
        ("run", ["output", "on_exists"], "overwrite"),
        ("run", ["limits", "max_record_bytes"], "lots"),
        ("policy", ["clock_skew"], 5),
        ("policy", ["threads"], "some"),
        ("deid", ["operators", "PERSON"], "paint"),
        ("deid", ["thresholds"], []),
    ],
)
def test_a_wrong_value_is_marked(name: str, keys: list[str], value: Any) -> None:
    """A schema that accepts everything helps nobody."""
    tree: Any = load_tree(SHIPPED[name][0])[0]
    place = tree
    for key in keys[:-1]:
        place = place.setdefault(key, {})
    place[keys[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tree, msgspec.json.decode(config_schema(name)))


@pytest.mark.parametrize("value", ["mask", {"operator": "mask", "keep_last": 4}])
def test_an_operator_may_be_its_name(value: Any) -> None:
    """The short form is what the guides use."""
    tree = load_tree(SHIPPED["deid"][0])[0]
    tree["operators"] = {"PERSON": value}
    jsonschema.validate(tree, msgspec.json.decode(config_schema("deid")))
