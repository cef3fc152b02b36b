"""The pages about monitoring list what the code has."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.support import monitoring_tables
from tests.support.command import ROOT

_REFERENCE = (ROOT / "docs/reference/monitoring.md").read_text(encoding="utf-8")
_HOW_TO = (ROOT / "docs/how-to/monitoring.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "table", [monitoring_tables.events(), monitoring_tables.metrics()], ids=["events", "metrics"]
)
def test_the_reference_lists_the_registry(table: list[str]) -> None:
    """People write parsers, panels and alerts from these tables."""
    assert "\n".join(table) in _REFERENCE


def test_every_alert_is_explained_with_its_severity() -> None:
    """Whoever is called at night reads this page first."""
    groups = yaml.safe_load((ROOT / "configs/monitoring/alerts.yaml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    explained = re.findall(r"^\| `(Chatsieve\w+)` \| (\w+) \|", _HOW_TO, re.M)
    assert explained == [(rule["alert"], rule["labels"]["severity"]) for rule in rules]
