"""The base class of the DoFns: what a step needs travels encrypted in the graph."""

from __future__ import annotations

from typing import Any

from transforms.shuffle.installed import SamePackage
from transforms.shuffle.run_key import RunKey


class Step:
    """A step of the graph. Pickled, it is its class, the reference to the key, and its sealed attributes.

    A graph is readable to whoever runs it, and runners store and show it. Paths, ids and defaults of the
    configuration are attributes of steps. Unpickling raises PipelineError in a process without the run's key
    or with another chatsieve; the latter is checked before anything else is unpickled.
    """

    def __init__(self, run_key: RunKey) -> None:
        self.run_key = run_key

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return _opened, (SamePackage(), type(self), self.run_key, self.run_key.seal(self.__dict__))


def _opened(_: SamePackage, kind: type[Step], run_key: RunKey, sealed: bytes) -> Step:
    step = kind.__new__(kind)
    step.__dict__.update(run_key.open(sealed))
    return step
