"""JSON Schemas of the YAML files that users write, for editors. configs/schemas/ has them as files."""

from __future__ import annotations

import msgspec
import pydantic

from schemas.config import RunConfig
from schemas.deid import DeidConfig
from schemas.policy import Policy

#: The model of each file, by the name of its schema.
MODELS: dict[str, type[pydantic.BaseModel]] = {"run": RunConfig, "policy": Policy, "deid": DeidConfig}


def config_schema(name: str) -> bytes:
    """The JSON Schema (draft 2020-12) of one of MODELS, as the bytes of its file.

    It accepts every valid file. It does not have the rules between keys that the models check.
    """
    schema = MODELS[name].model_json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"
