"""The counters of the stages, as runners report them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apache_beam.metrics import monitoring_infos


def counters_of(infos: Iterable[Any]) -> dict[str, int]:
    """The sums of the chatsieve counters in monitoring infos of workers or of a job service."""
    found: dict[str, int] = {}
    for info in infos:
        if info.urn == monitoring_infos.USER_COUNTER_URN and info.labels.get("NAMESPACE") == "chatsieve":
            name = info.labels["NAME"]
            found[name] = found.get(name, 0) + monitoring_infos.extract_counter_value(info)
    return found
