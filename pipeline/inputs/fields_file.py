"""Reads the fields of an own schema: from a run configuration, an `inputs` section, or alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from schemas.errors import ConfigError
from schemas.mapped.fields import FieldsConfig
from schemas.strict_yaml import validate
from schemas.yaml_tree import load_tree


class OwnFields(NamedTuple):
    """The fields of an own schema, and the names of `defaults` beside them."""

    fields: FieldsConfig
    defaults: frozenset[str]


def fields_at(path: Path | str) -> OwnFields:
    """The first `fields` in a YAML file; ConfigError with file, line and key."""
    tree, lines = load_tree(path)
    below: tuple[str | int, ...] = ()
    beside: Any = tree
    inputs = tree.get("inputs") if isinstance(tree, dict) else None
    if isinstance(inputs, list):
        having = [n for n, each in enumerate(inputs) if isinstance(each, dict) and "fields" in each]
        if not having:
            raise ConfigError(
                f"{path}: no input has fields; `chatsieve inspect PATH --suggest` proposes them"
            )
        beside = inputs[having[0]]
        tree, below = beside["fields"], ("inputs", having[0], "fields")
    elif isinstance(tree, dict) and "fields" in tree:
        tree, below = tree["fields"], ("fields",)
    own = {keys[len(below) :]: line for keys, line in lines.items() if keys[: len(below)] == below}
    fields = validate({} if tree is None else tree, own, path, FieldsConfig, ConfigError)
    defaults = beside.get("defaults") if isinstance(beside, dict) else None
    names = defaults if isinstance(defaults, dict) else {}
    return OwnFields(fields, frozenset(name for name, value in names.items() if value is not None))
