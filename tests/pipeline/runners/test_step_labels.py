"""Step labels are public: pages of jobs, metrics and updates of running jobs refer to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest

from tests.support.canary_plans import EVERY_GRAPH, Graphs

GOLDEN = Path(__file__).parents[2] / "golden/step-labels.json"


def labels_of(pipeline: Any) -> list[str]:
    """The labels that chatsieve gives, in the order of the graph, without the steps inside Beam's own."""
    found: list[str] = []

    class Visitor(beam.pipeline.PipelineVisitor):  # type: ignore[misc]
        def enter_composite_transform(self, node: Any) -> None:
            self.visit_transform(node)

        def visit_transform(self, node: Any) -> None:
            if node.full_label and _is_ours(node.parent):
                found.append(node.full_label)

    pipeline.visit(Visitor())
    return found


def _is_ours(node: Any) -> bool:
    """True for the root and for composite transforms of chatsieve."""
    module = type(node.transform).__module__
    return node.transform is None or module.split(".")[0] in ("pipeline", "transforms")


@pytest.mark.parametrize("kind", EVERY_GRAPH)
def test_step_labels_are_those_of_the_golden_list(graphs: Graphs, kind: str) -> None:
    """A label is changed on purpose only, with a line in CHANGELOG.md: then write it into the list too."""
    golden = json.loads(GOLDEN.read_text())
    labels = labels_of(graphs.pipeline(kind))
    assert labels == golden[kind]
    assert len(set(labels)) == len(labels) > 40
