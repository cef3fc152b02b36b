"""The serialised graph has no key, no id, no path and no text: runners store it, and show it to operators."""

from __future__ import annotations

import base64
import pickle
import zlib
from collections.abc import Callable
from typing import Any

import apache_beam as beam
import pytest

from schemas.keys import KeyedHasher
from tests.support.canary_plans import EVERY_GRAPH, KEY, Graphs, needles_of
from tests.support.graph_layers import layers, places_of
from transforms.shuffle.steps import Step


def _serialised(pipeline: Any) -> bytes:
    data: bytes = pipeline.to_runner_api().SerializeToString()
    return data


@pytest.mark.parametrize("kind", EVERY_GRAPH)
def test_a_graph_has_no_key_no_id_no_path_and_no_text(graphs: Graphs, kind: str) -> None:
    """Whoever runs the graph, or sees the page of its job, is not to learn who is in the inputs."""
    serialised = _serialised(graphs.pipeline(kind))
    assert places_of(needles_of(graphs.plans[kind]), serialised) == set()
    assert sum(1 for _ in layers(serialised)) > 200


def test_the_values_that_are_looked_for_are_in_the_plan(graphs: Graphs) -> None:
    """Else the test above could not fail. The other canaries are in files that the workers read."""
    plan = graphs.plans["run"]
    unsealed = places_of(needles_of(plan), pickle.dumps(plan))
    assert unsealed >= {
        "user in defaults",
        "user of a path",
        "user of the mapping",
        "account of the mapping",
        "organization in defaults",
        "folder of inputs",
        "file of inputs",
        "folder of lists",
        "folder of outputs",
        "glob of a path",
        "erased user",
        "key of an authorized organization",
    }
    assert not unsealed & {"key", "key for the spill", "key for sealed values"}


class _Holds(beam.DoFn):  # type: ignore[misc]
    def __init__(self, value: object) -> None:
        self._value = value

    def process(self, element: object) -> list[object]:
        return [element, self._value]


def _in_a_function(pipeline: Any, value: Any) -> Any:
    return pipeline | beam.Create([1]) | beam.Map(lambda element: (element, value))


@pytest.mark.parametrize(
    "plant",
    [
        lambda pipeline, key: pipeline | beam.Create([1]) | beam.ParDo(_Holds(key)),
        lambda pipeline, key: pipeline | beam.Create([1]) | beam.ParDo(_Holds({"key": key.hex().upper()})),
        lambda pipeline, key: pipeline | beam.Create([1]) | beam.ParDo(_Holds(base64.b64encode(b"x" + key))),
        lambda pipeline, key: pipeline | beam.Create([1]) | beam.ParDo(_Holds(zlib.compress(key * 20))),
        lambda pipeline, key: pipeline | beam.Create([1]) | beam.ParDo(_Holds(pickle.dumps(key, 2))),
        lambda pipeline, key: pipeline | beam.Create([key]),
        _in_a_function,
    ],
    ids=["bytes", "hex", "base64", "compressed", "pickled", "element", "closure"],
)
def test_a_key_planted_in_a_graph_is_found(graphs: Graphs, plant: Callable[..., Any]) -> None:
    """Beam compresses payloads and encodes them as base64; the test must see through that."""
    pipeline = graphs.pipeline("run")
    plant(pipeline, KEY)
    assert places_of({"key": KEY}, _serialised(pipeline)) == {"key"}


def test_an_id_planted_in_a_step_that_is_not_sealed_is_found(graphs: Graphs) -> None:
    """The same for a canary: the default of an input, as an attribute."""
    pipeline = graphs.pipeline("run")
    _ = pipeline | beam.Create([1]) | beam.ParDo(_Holds(graphs.plans["run"].context.defaults))
    found = places_of(needles_of(graphs.plans["run"]), _serialised(pipeline))
    assert found == {"user in defaults", "organization in defaults"}


def test_a_hasher_without_a_reference_is_not_pickled() -> None:
    """A new step that is given one fails when the graph is built, and not silently with the key in it."""
    with pytest.raises(TypeError, match="a key is not pickled"):
        pickle.dumps(KeyedHasher(KEY))


@pytest.mark.parametrize("kind", EVERY_GRAPH)
def test_every_step_of_ours_is_sealed(graphs: Graphs, kind: str) -> None:
    """A DoFn without the base class would carry its attributes readable."""
    found = []

    class Visitor(beam.pipeline.PipelineVisitor):  # type: ignore[misc]
        def visit_transform(self, node: Any) -> None:
            step = getattr(node.transform, "fn", None)
            if type(step).__module__.split(".")[0] in ("transforms", "pipeline"):
                found.append(step)

    graphs.pipeline(kind).visit(Visitor())
    assert len(found) > 12
    assert [type(step).__name__ for step in found if not isinstance(step, Step)] == []
