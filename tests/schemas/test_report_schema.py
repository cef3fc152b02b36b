"""The documented schema equals the program's, and its limits equal the documented ones."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from schemas.reports.document import json_schema

SCHEMA = Path(__file__).resolve().parents[2] / "docs/reference/report.schema.json"
EXAMPLE = Path(__file__).resolve().parents[2] / "tests/golden/report-example.json"


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json.loads(SCHEMA.read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def report() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(EXAMPLE.read_bytes())
    return document


def test_the_documented_schema_is_the_one_of_the_program() -> None:
    """A schema that lags behind is worse than none; `make report-schema` writes it."""
    assert SCHEMA.read_bytes() == json_schema()


def test_a_report_is_valid(validator: Any, report: dict[str, Any]) -> None:
    """And so is one whose counts are hidden."""
    validator.validate(report)
    hidden = copy.deepcopy(report)
    hidden["reasons"][0]["sessions"] = "<10"
    hidden["counts"]["sessions"] = None
    validator.validate(hidden)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), "another"),
        (("format_version",), 2),
        (("kind",), "dream"),
        (("counts", "sessions"), "about ten"),
        (("reasons", 0, "sessions"), 1.5),
        (("warnings", 0, "code"), "made_up"),
        (("funnel", 0, "step"), "jump"),
    ],
)
def test_what_is_no_report_is_refused(
    validator: Any, report: dict[str, Any], path: tuple[Any, ...], value: object
) -> None:
    """A reader can rely on it: version, words and numbers are closed sets."""
    place: Any = report
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(report)


def test_nothing_may_be_missing(validator: Any, report: dict[str, Any]) -> None:
    """Every field is always there, so that a missing one is never taken for a zero."""
    for name in report:
        if name not in ("format", "format_version"):
            with pytest.raises(jsonschema.ValidationError):
                validator.validate({key: value for key, value in report.items() if key != name})
