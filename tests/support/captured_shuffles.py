"""A local runner that keeps every element that a step receives from another one, as it is encoded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unittest import mock

from apache_beam.runners.portability.fn_api_runner import FnApiRunner, translations
from apache_beam.runners.portability.fn_api_runner.fn_runner import BundleManager


class CapturingRunner(FnApiRunner):  # type: ignore[misc]  # Beam is not typed
    """No steps are fused, so that what any engine could shuffle is shuffled. `captured`: by stage."""

    def __init__(self) -> None:
        super().__init__()
        self.captured: dict[str, list[bytes]] = {}

    def create_stages(self, pipeline: Any) -> Any:
        """The stages of the graph, each with one step."""
        with mock.patch.object(translations.Stage, "can_fuse", return_value=False):
            return super().create_stages(pipeline)

    def _get_bundle_manager(self, context: Any) -> Any:
        return _Captured(context, self.captured)


class _Captured:
    def __init__(self, context: Any, captured: dict[str, list[bytes]]) -> None:
        self._context, self._captured = context, captured

    def process_bundle(
        self, inputs: Mapping[str, Any], outputs: Any, timers: Any, timer_outputs: Any, dry_run: bool = False
    ) -> Any:
        """The result of the bundle, whose input is kept."""
        given = {name: list(buffer) for name, buffer in inputs.items()}
        held = self._captured.setdefault(self._context.stage.name, [])
        held += [data for each in given.values() for data in each]
        one = BundleManager(self._context)
        return one.process_bundle(given, outputs, timers, timer_outputs, dry_run)
