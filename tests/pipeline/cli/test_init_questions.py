"""`chatsieve init` at a terminal: it asks for what no option answers."""

from __future__ import annotations

from pathlib import Path

import yaml

from pipeline.inputs.config import load_settings
from tests.support.first_logs import first_logs
from tests.support.typed import TypedCommand


def test_every_open_question_is_asked_explained_and_checked(tmp_path: Path) -> None:
    """A wrong answer is asked for again; Enter takes the default that is shown; the result is complete."""
    first_logs("mapped", tmp_path)
    typed = TypedCommand(tmp_path, "init", "--output", "data")
    typed.answer("Logs: a file, folder or glob", "gone")
    typed.answer("Logs: a file, folder or glob", "logs")
    typed.answer("Policy [consumer-terms-2025-09-28]", "")
    typed.answer("Surface (chat, code, api, bedrock, vertex)", "paper")
    typed.answer("Surface (chat, code, api, bedrock, vertex)", "chat")
    typed.answer("Tier that plus means", "")
    typed.answer("Time zone", "Middle/Earth")
    typed.answer("Time zone", "Europe/Berlin")
    typed.answer("VALUE=user|assistant|system|tool|null", "helpbot")
    typed.answer("VALUE=user|assistant|system|tool|null", "helpbot=assistant")
    typed.answer("VALUE=user|assistant|system|tool|null", "")
    typed.answer("List of authorisations", "")
    typed.answer("or none [none]", "agreed.csv")
    typed.answer("Time to decide for", "2026-03-01T00:00:00Z")
    typed.answer("De-identification [default]", "")
    typed.answer("List of deletions", "")
    assert typed.end() == 0, typed.drawn
    for explained in (
        "gone: no such input",
        "expected one of chat, code, api, bedrock, vertex",
        "no such time zone",
        "expected VALUE=MEANING",
        "(tier_unknown)",
        "is too old for policy",
        "Only sessions of users who agreed are used.",
    ):
        assert explained in " ".join(typed.drawn.split()), explained
    assert "Output folder" not in typed.drawn
    written = yaml.safe_load((tmp_path / "chatsieve.yaml").read_text())
    fields = written["inputs"][0]["fields"]
    assert fields["tier"] == {"path": "plan"}
    assert fields["messages"]["role"]["values"] == {"customer": "user", "helpbot": "assistant"}
    assert fields["messages"]["sent_at"]["zone"] == "Europe/Berlin"
    settings = load_settings(tmp_path / "chatsieve.yaml", {})
    assert settings.output_path("run") == tmp_path / "data"
    assert settings.config.consent.snapshots == ["agreed.csv"]


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    """Half an hour of questions may be given up; no key or configuration of it may be found later."""
    first_logs("claude-code", tmp_path)
    typed = TypedCommand(tmp_path, "init", "logs")
    typed.answer("Policy", "")
    typed.answer("User id of the owner", "me")
    typed.interrupt("Tier of the accounts")
    assert typed.end() == 3
    assert typed.drawn.rstrip().endswith("chatsieve: interrupted")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agreed.csv", "logs"]


def test_the_folder_of_claude_code_is_the_default_where_it_exists(tmp_path: Path) -> None:
    """A user who has only that folder answers the first question with Enter; its path stays short."""
    first_logs("claude-code", tmp_path)
    (tmp_path / ".claude").mkdir()
    (tmp_path / "logs").rename(tmp_path / ".claude/projects")
    flags = ("--user-id", "me", "--tier", "pro", "--consent", "none", "--policy", "consumer-terms-2025-09-28")
    more = ("--surface", "code", "--deid", "default", "--deletions", "", "--output", "data")
    (tmp_path / "a/b/c").mkdir(parents=True)
    typed = TypedCommand(tmp_path / "a/b/c", "init", *flags, *more, home=tmp_path)
    typed.answer("Logs: a file, folder or glob [~/.claude/projects]", "")
    assert typed.end() == 0, typed.drawn
    written = yaml.safe_load((tmp_path / "a/b/c/chatsieve.yaml").read_text())
    assert written["inputs"][0]["path"] == "~/.claude/projects"
