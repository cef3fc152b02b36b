"""A local runner that treats bundles as a cluster does: cut, reordered, repeated, and with lost attempts.

Every bundle is cut into small ones, in a random order of elements. Each of these is tried twice or more:

retry   an attempt on some or all of its elements, whose output is lost; then the one that counts
late    the one that counts; then another attempt, of a worker that was taken for dead
twins   two attempts at the same time, of which one counts
"""

from __future__ import annotations

import collections
import random
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from apache_beam.coders.coder_impl import create_InputStream, create_OutputStream
from apache_beam.metrics import monitoring_infos
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.execution import GroupingBuffer
from apache_beam.runners.portability.fn_api_runner.fn_runner import BundleManager

Mode = Literal["retry", "late", "twins"]
_MODES: tuple[Mode, ...] = ("retry", "late", "twins")
#: Elements of a bundle.
_FEW = 3
_MOST_BUNDLES = 6


class RepeatingRunner(FnApiRunner):  # type: ignore[misc]  # Beam is not typed
    """`seen`: how many bundles were tried in each mode.

    `keeps`: a step whose late attempts are not lost, so that what it gives arrives twice: no run may bear it.
    """

    def __init__(self, seed: int, keeps: str | None = None) -> None:
        super().__init__()
        self._keeps = keeps
        self._random = random.Random(seed)
        self.seen: collections.Counter[str] = collections.Counter()

    def _get_bundle_manager(self, context: Any) -> Any:
        return _RepeatedBundles(context, self._random, self.seen, self._keeps)


class _RepeatedBundles:
    def __init__(
        self, context: Any, chance: random.Random, seen: collections.Counter[str], keeps: str | None
    ) -> None:
        self._context, self._chance, self._seen = context, chance, seen
        self._modes: tuple[Mode, ...] = _MODES if keeps is None else ("late",)
        self._loses = keeps is None or keeps not in context.stage.name

    def process_bundle(
        self, inputs: Mapping[str, Any], outputs: Any, timers: Any, timer_outputs: Any, dry_run: bool = False
    ) -> tuple[Any, list[Any]]:
        """The result of all small bundles together, with the outputs of those attempts that count."""
        assert not dry_run
        infos = []
        for bundle in self._small_bundles(inputs):
            mode = self._chance.choice(self._modes)
            self._seen[mode] += 1
            rest = outputs, timers, timer_outputs
            if mode == "twins":
                result = self._twins(bundle, rest)
            elif mode == "late":
                result = self._attempt(bundle, rest, False)
                self._attempt(bundle, rest, True)
            else:
                self._attempt(self._some_of(bundle), rest, True)
                result = self._attempt(bundle, rest, False)
            infos += result.process_bundle.monitoring_infos
        merged = beam_fn_api_pb2.ProcessBundleResponse(monitoring_infos=monitoring_infos.consolidate(infos))
        return beam_fn_api_pb2.InstructionResponse(process_bundle=merged), []

    def _attempt(self, bundle: Mapping[str, list[bytes]], rest: Any, is_lost: bool) -> Any:
        outputs, timers, timer_outputs = rest
        one = BundleManager(self._context)
        return one.process_bundle(bundle, outputs, timers, timer_outputs, is_lost and self._loses)[0]

    def _twins(self, bundle: Mapping[str, list[bytes]], rest: Any) -> Any:
        found: dict[bool, Any] = {}

        def attempt(is_lost: bool) -> None:
            found[is_lost] = self._attempt(bundle, rest, is_lost)

        twin = threading.Thread(target=attempt, args=(True,))
        twin.start()
        attempt(False)
        twin.join()
        assert True in found, "the twin failed"
        return found[False]

    def _some_of(self, bundle: Mapping[str, list[bytes]]) -> dict[str, list[bytes]]:
        """A part of the elements, as of a worker that was lost on the way."""
        return {name: data[: self._chance.randint(0, len(data))] for name, data in bundle.items()}

    def _small_bundles(self, inputs: Mapping[str, Any]) -> Iterator[dict[str, list[bytes]]]:
        elements = {name: self._elements(name, buffer) for name, buffer in inputs.items()}
        most = max(map(len, elements.values()), default=0)
        number = max(1, min(_MOST_BUNDLES, -(-most // _FEW)))
        for nth in range(number):
            yield {name: each[nth::number] for name, each in elements.items()}

    def _elements(self, name: str, buffer: Any) -> list[bytes]:
        """Each element of an input, encoded by itself, in a random order."""
        if isinstance(buffer, GroupingBuffer):
            for values in buffer._table.values():
                self._chance.shuffle(values)
        coder = self._context.get_input_coder_impl(name)
        found = []
        for data in buffer:
            stream = create_InputStream(data)
            while stream.size() > 0:
                out = create_OutputStream()
                coder.encode_to_stream(coder.decode_from_stream(stream, True), out, True)
                found.append(out.get())
        self._chance.shuffle(found)
        return found
