"""docs/how-to/own-schema.md: its commands give what it shows, and its examples are valid."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.commands.inspect import inspect
from pipeline.commands.suggest import suggest
from pipeline.inputs.fields_file import fields_at
from schemas.mapped.fields import FieldsConfig
from schemas.mapped.values import RoleConfig
from schemas.sections.inputs import InputConfig
from tests.support.source_files import write_lines

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
    (found,) = inspect("logs/support.jsonl", None, *fields_at("own.yaml"))["formats"]
    counts = (found["sessions"], found["records"], found["messages"], found["roles"])
    assert counts == (2, 2, 4, {"assistant": 2, "user": 2})
    shown = PAGE.read_text()
    assert f"messages from {found['first_message']} to {found['last_message']}" in shown
    assert found["quarantined"] == {}


def test_every_example_of_the_page_is_a_valid_configuration() -> None:
    """An example that is refused costs a newcomer more than none."""
    examples = [yaml.safe_load(text) for text in blocks("yaml")[1:-1]]
    assert len(examples) == 4
    for example in examples:
        if "inputs" in example:
            InputConfig.model_validate(example["inputs"][0])
        else:
            FieldsConfig.model_validate(example["fields"])
    for line in blocks("yaml")[-1].splitlines():
        RoleConfig.model_validate(yaml.safe_load(line)["role"])


def test_the_queries_give_files_whose_roles_and_answers_are_proposed(tmp_path: Path) -> None:
    """They are the only way for roles that two fields decide, and for answers in a second file."""
    at = "2025-11-24T22:55:29Z"
    comments = [
        {"author_id": author, "plain_body": "Text of a comment.", "public": public, "created_at": at}
        for author, public in ((7, True), (8, True), (8, False))
    ]
    ticket = {"id": 1, "requester_id": 7, "created_at": at, "comments": comments}
    write_lines(tmp_path / "tickets.jsonl", [ticket])
    asked = {"messages": [{"role": "user", "content": "What is a shard, please?"}]}
    choice = {"index": 0, "message": {"role": "assistant", "content": "One file of several."}}
    answer = {"body": {"created": 1_764_000_000, "choices": [choice]}}
    write_lines(tmp_path / "batch_input.jsonl", [{"custom_id": "r1", "body": asked}])
    write_lines(tmp_path / "batch_output.jsonl", [{"custom_id": "r1", "response": answer}])
    (tmp_path / "batch_users.csv").write_text("custom_id,user_id\nr1,u1\n")
    for program in blocks("python"):
        subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    for name, owner in (("tickets", "requester_id"), ("batch", "user_id")):
        path = tmp_path / f"{name}.parquet"
        own = tmp_path / "own.yaml"
        proposed = suggest(str(path)).yaml
        own.write_text(re.sub(r"FILL_IN.*one of (\w+)", r"\1 # one of", proposed))
        assert f"user_id: {owner}" in proposed
        (found,) = inspect(str(path), None, *fields_at(own))["formats"]
        assert (found["sessions"], found["quarantined"]) == (1, {})
        assert found["roles"] == {"assistant": 1, "user": 1}
