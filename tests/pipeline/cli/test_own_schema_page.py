"""docs/how-to/own-schema.md: its commands give what it shows, and its examples are valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pipeline.commands.inspect import inspect
from pipeline.commands.suggest import suggest
from pipeline.inputs.fields_file import fields_at
from schemas.mapped.fields import FieldsConfig
from schemas.mapped.values import RoleConfig
from schemas.sections.inputs import InputConfig

PAGE = Path(__file__).parents[3] / "docs/how-to/own-schema.md"


def blocks(language: str) -> list[str]:
    """The code blocks of the page in this language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)


def test_the_proposal_its_answers_and_the_counts_are_those_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who types along must see the same."""
    (logs,) = blocks("json")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/support.jsonl").write_text(logs)
    monkeypatch.chdir(tmp_path)
    proposed, answered, *_ = blocks("yaml")
    assert suggest("logs/support.jsonl").yaml == proposed.rstrip()
    Path("own.yaml").write_text(answered)
    (found,) = inspect("logs/support.jsonl", None, fields_at("own.yaml"))["formats"]
    counts = (found["sessions"], found["records"], found["messages"], found["roles"])
    assert counts == (2, 2, 4, {"assistant": 2, "user": 2})
    shown = PAGE.read_text()
    assert f"messages from {found['first_message']} to {found['last_message']}" in shown
    assert found["quarantined"] == {}


def test_every_example_of_the_page_is_a_valid_configuration() -> None:
    """An example that is refused costs a newcomer more than none."""
    examples = [yaml.safe_load(text) for text in blocks("yaml")[1:-1]]
    assert len(examples) == 3
    for example in examples:
        if "inputs" in example:
            InputConfig.model_validate(example["inputs"][0])
        else:
            FieldsConfig.model_validate(example["fields"])
    for line in blocks("yaml")[-1].splitlines():
        RoleConfig.model_validate(yaml.safe_load(line)["role"])
