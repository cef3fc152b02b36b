"""Beam collections that several parts of the graph need: sealed sources, typed pairs, and numbered parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apache_beam as beam
from apache_beam.typehints import Tuple as BeamTuple

from transforms.shuffle.run_key import RunKey

BUCKET = BeamTuple[int, bytes]


def sealed_source(pipeline: Any, name: str, key: RunKey, items: Sequence[Any]) -> Any:
    """The items, sealed: names of files can be personal."""
    return (
        pipeline
        | name >> beam.Create([key.seal(item) for item in items])
        | f"Spread {name.lower()}" >> beam.Reshuffle()
    )


def bucketed(pairs: Any, name: str) -> Any:
    """The same (number, blob) pairs, with the type hint that lets Beam use its fast coders."""
    return typed(pairs, name, BUCKET)


def typed(pairs: Any, name: str, kind: Any) -> Any:
    """The same pairs with a type hint."""
    return pairs | f"Type {name}" >> beam.Map(_same).with_output_types(kind)


def every_part(pipeline: Any, name: str, output_sizes: Any, which: int) -> Any:
    """(number, b"") for each ledger part (`which` 0) or shard (1), so that empty ones are written as well."""
    return (
        pipeline
        | f"Seed {name.lower()}" >> beam.Create([which])
        | f"Count {name.lower()}" >> beam.FlatMap(_part_numbers, output_sizes).with_output_types(BUCKET)
    )


def _same(pair: Any) -> Any:
    return pair


def _part_numbers(which: int, output_sizes: Any) -> list[tuple[int, bytes]]:
    return [(number, b"") for number in range(output_sizes[which])]
