"""A progress bar on a terminal, fed by the counters that workers report; silent elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

_SHOWN = {"records_read": "records read", "sessions_masked": "sessions de-identified"}


class Progress:
    """Shows what the workers have done so far while `watching`."""

    def __init__(self, enabled: bool | None = None) -> None:
        self.enabled = sys.stderr.isatty() if enabled is None else enabled
        self._seen: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    @property
    def frequency(self) -> float | None:
        """How often, in seconds, the runner asks its workers; None for never."""
        return 0.3 if self.enabled else None

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Shows the bar while the block runs."""
        if not self.enabled:
            yield
            return
        from apache_beam.runners.portability.fn_api_runner import fn_runner
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        original = fn_runner.ProgressRequester
        fn_runner.ProgressRequester = self._requester(original)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}"),
            TimeElapsedColumn(),
        )
        stop = threading.Event()
        try:
            with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
                tasks = {name: bar.add_task(text, total=None) for name, text in _SHOWN.items()}
                thread = threading.Thread(target=self._show, args=(bar, tasks, stop), daemon=True)
                thread.start()
                try:
                    yield
                finally:
                    stop.set()
                    thread.join()
        finally:
            fn_runner.ProgressRequester = original

    def _show(self, bar: Any, tasks: dict[str, Any], stop: threading.Event) -> None:
        while not stop.wait(0.3):
            with self._lock:
                for name, task in tasks.items():
                    bar.update(task, completed=sum(v for (_, n), v in self._seen.items() if n == name))

    def _requester(self, base: Any) -> Any:
        from apache_beam.metrics import monitoring_infos

        def note(instruction: str, response: Any) -> None:
            for info in response.monitoring_infos:
                if info.urn == monitoring_infos.USER_COUNTER_URN and info.labels.get("NAME") in _SHOWN:
                    value = monitoring_infos.extract_counter_value(info)
                    with self._lock:
                        self._seen[instruction, info.labels["NAME"]] = value

        class Requester(base):  # type: ignore[misc]
            def __init__(self, handler: Any, instruction: str, frequency: float, *_: Any) -> None:
                super().__init__(
                    handler, instruction, frequency, lambda response: note(instruction, response)
                )

        return Requester
