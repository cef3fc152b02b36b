"""Consent records with anything anywhere: a refusal in one line, or rows; never a traceback, never an id."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import ConsentError
from tests.support.consent_systems import RECIPIENTS, Read, source_of

CANARY = "u-canary-4711"
FIDES = {
    "items": [
        {
            "external_id": CANARY,
            "request_timestamp": "2025-10-01T00:00:00Z",
            "request_type": "consent",
            "preference": "opt_out",
            "method": "save",
            "notice_name": "x",
        }
    ],
    "page": 1,
    "pages": 1,
    "size": 50,
}
SEGMENT = {
    "event": "Segment Consent Preference Updated",
    "userId": CANARY,
    "timestamp": "2025-10-01T00:00:00Z",
    "receivedAt": "2025-10-01T00:00:00Z",
    "context": {"consent": {"categoryPreferences": {"x": False}}},
}
DPV = json.loads(json.dumps(RECIPIENTS).replace("u-77", CANARY))
SOURCES = [
    (FIDES, source_of(format="fides", preference="x")),
    (SEGMENT, source_of(format="segment", category="x")),
    (DPV, source_of(format="iso-27560", purpose="dpv:Marketing", time_zone="Europe/Oslo")),
]
ANYTHING: list[Any] = [
    None, True, 0, -1.5, 10**30, "", " ", "x", "2025-10-01", "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    CANARY, "\x00", "\ud800", "P1M", "P99999999Y", [], {}, [[]], [{}], {"@id": CANARY}, {"@value": CANARY},
    ["dpv:ConsentGiven", CANARY], {"x": CANARY}, [CANARY, CANARY],
]  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.sampled_from(range(len(SOURCES))))
def test_anything_anywhere_is_refused_in_one_line_or_read(
    tmp_path_factory: pytest.TempPathFactory, seed: int, which: int
) -> None:
    """Vendors change their formats, and exports are edited by hand."""
    rng = random.Random(seed)
    record, source = copy.deepcopy(SOURCES[which][0]), SOURCES[which][1]
    for _ in range(rng.randint(1, 3)):
        spoil(record, rng)
    text = json.dumps(record, indent=rng.choice([None, 1]))
    if rng.random() < 0.2:
        text = text[: rng.randrange(len(text))]
    path = tmp_path_factory.getbasetemp() / "fuzzed.json"
    path.write_text(text + "\n" if rng.random() < 0.8 else f"[{text}]")
    try:
        Read([Path(path)], source)
    except ConsentError as error:
        message = str(error)
        assert message.startswith(f"{path}: ")
        assert "\n" not in message
        assert CANARY not in message


def spoil(node: Any, rng: random.Random) -> None:
    """One place of the record, at any depth, becomes anything, or goes, or gets a new name."""
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(node[key], dict | list) and node[key] and rng.random() < 0.8:
            node = node[key]
            continue
        chance = rng.random()
        if chance < 0.2:
            del node[key]
        elif chance < 0.3 and isinstance(node, dict):
            node[f"dpv:{key}"] = node.pop(key)
        else:
            node[key] = copy.deepcopy(rng.choice(ANYTHING))
        return
