"""The secrets of `provider_secrets.yaml`: the documented format of each, its source and examples."""

from __future__ import annotations

import functools
import importlib.resources
from typing import Any, NamedTuple

import yaml


class ProviderSecret(NamedTuple):
    """One kind of secret. `pattern` is a Python expression, `trigger` a Hyperscan one contained in each
    match; `longest` is the greatest length of a match.

    If `context` is given, one of its words must precede the secret: the shape alone is not enough.
    `examples` are templates of `transforms.sample.texts.secrets`; `near` are templates that must not match.
    """

    provider: str
    kind: str
    docs: str
    trigger: str
    pattern: str
    longest: int
    examples: tuple[str, ...]
    near: tuple[str, ...]
    context: tuple[str, ...]


@functools.cache
def provider_secrets() -> tuple[ProviderSecret, ...]:
    """All kinds, in the order of the file."""
    data = (
        importlib.resources.files("transforms.deid.rules")
        .joinpath("provider_secrets.yaml")
        .read_text("utf-8")
    )
    return tuple(_secret(one) for one in yaml.load(data, Loader=_LOADER))  # noqa: S506 - the C copy of SafeLoader


def _secret(one: dict[str, Any]) -> ProviderSecret:
    return ProviderSecret(
        one["provider"],
        one["kind"],
        one["docs"],
        one["trigger"],
        one["pattern"],
        one["longest"],
        tuple(one["examples"]),
        tuple(one.get("near", ())),
        tuple(one.get("context") or ()),
    )


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
