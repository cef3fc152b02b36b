"""Reads the fields of an own schema: from a run configuration, an `inputs` section, or alone."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import ConfigError
from schemas.mapped.fields import FieldsConfig
from schemas.strict_yaml import validate
from schemas.yaml_tree import load_tree


def fields_at(path: Path | str) -> FieldsConfig:
    """The first `fields` in a YAML file; ConfigError with file, line and key."""
    tree, lines = load_tree(path)
    below: tuple[str | int, ...] = ()
    inputs = tree.get("inputs") if isinstance(tree, dict) else None
    if isinstance(inputs, list):
        having = [n for n, each in enumerate(inputs) if isinstance(each, dict) and "fields" in each]
        if not having:
            raise ConfigError(
                f"{path}: no input has fields; `chatsieve inspect PATH --suggest` proposes them"
            )
        tree, below = inputs[having[0]]["fields"], ("inputs", having[0], "fields")
    elif isinstance(tree, dict) and "fields" in tree:
        tree, below = tree["fields"], ("fields",)
    own = {keys[len(below) :]: line for keys, line in lines.items() if keys[: len(below)] == below}
    return validate({} if tree is None else tree, own, path, FieldsConfig, ConfigError)
