"""VCR cassettes in YAML or JSON: requests and responses that were recorded for tests."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from transforms.sources.calls.otel_values import json_or_text
from transforms.sources.faults import Fault
from transforms.sources.files import open_stream
from transforms.sources.json.once import Fields, overlaid

#: Field names of the recordings, as Python and Ruby write them.
_KEYS = ("interactions", "http_interactions")
SUFFIXES = (".yaml", ".yml")
#: Plain scalars that JSON has too.
_JSON = re.compile(
    r"(?:null|true|false|-?(?:0|[1-9]\d{0,17})(?:\.\d{1,17})?(?:[eE][+-]?\d{1,2})?)?\Z", re.ASCII
)
#: YAML is read at some 100 kB a second.
_MAX_BYTES = 8 << 20


def interactions_of(item: dict[str, Any]) -> Iterator[dict[str, Any] | Fault]:
    """The recordings of a cassette; another object unchanged."""
    found = next((item[key] for key in _KEYS if isinstance(item.get(key), list)), None)
    if found is None:
        yield item
        return
    for each in found:
        yield _recorded(each) if isinstance(each, dict) else Fault("not_an_object")


def cassette_of(path: str, max_bytes: int) -> dict[str, Any] | Fault:
    """The cassette in a YAML file, or a fault. Raises OSError."""
    max_bytes = min(max_bytes, _MAX_BYTES)
    with open_stream(path) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        return Fault("oversize_record")
    try:
        found = yaml.load(data.decode("utf-8"), Loader=_Loader)  # noqa: S506 - of scalars, lists and mappings only
    except UnicodeDecodeError:
        return Fault("invalid_unicode")
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return Fault("unknown_format")
    return (
        found if isinstance(found, dict) and any(key in found for key in _KEYS) else Fault("unknown_format")
    )


class _Loader(yaml.BaseLoader):
    """Refuses aliases, which can expand a few bytes of YAML to any number of values.

    Scalars without quotes are the values that JSON has for them: `parsed_body` is JSON written as YAML.
    """

    def construct_scalar(self, node: yaml.ScalarNode) -> Any:
        value = super().construct_scalar(node)
        is_plain = not node.style and node.tag == self.DEFAULT_SCALAR_TAG
        return json_or_text(value or "null") if is_plain and _JSON.match(value) else value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        super().construct_mapping(node, deep)  # checks the node; its parts are constructed once
        return Fields((_name(self.construct_object(k)), self.construct_object(v)) for k, v in node.value)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError
        return super().compose_node(parent, index)


def _name(key: Any) -> str:
    return key if isinstance(key, str) else msgspec.json.encode(key).decode()


def _recorded(interaction: dict[str, Any]) -> dict[str, Any]:
    """The recording with its time as RFC 3339; Ruby writes times in the format of e-mail."""
    at = interaction.get("recorded_at")
    if not isinstance(at, str) or "," not in at:
        return interaction
    try:
        return overlaid(interaction, {"recorded_at": email.utils.parsedate_to_datetime(at).isoformat()})
    except ValueError:
        return interaction
