"""The runbook has a section for everything that calls somebody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

import yaml

from schemas import errors
from schemas.reports.document import WarningCode
from tests.support.command import ROOT

PAGE = (ROOT / "docs/how-to/runbook.md").read_text(encoding="utf-8")
ALERTS = ROOT / "configs/monitoring/alerts.yaml"


def sections(page: str) -> dict[str, dict[str, str]]:
    """The text of each section of level 3, by the heading of level 2 above it."""
    found: dict[str, dict[str, str]] = {}
    for chapter in page.split("\n## ")[1:]:
        head, *rest = chapter.split("\n### ")
        found[head.partition("\n")[0]] = {
            name.strip("`"): text for name, _, text in (part.partition("\n") for part in rest)
        }
    return found


def anchors(page: str) -> set[str]:
    """The targets of links within the page."""
    return {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in page.splitlines()
        if line.startswith("#")
    }


def exit_codes() -> set[int]:
    """0, 1, and the exit codes of all errors."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    return {0, 1} | {kind.exit_code for kind in kinds if hasattr(kind, "exit_code")}


def test_every_exit_code_has_a_section() -> None:
    """Codes that the table of exit-codes.md has, and that the errors have."""
    assert set(sections(PAGE)["Exit codes"]) == {f"Exit code {code}" for code in exit_codes()}
    table = (ROOT / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    assert {int(code) for code in re.findall(r"^\| (\d) \| ", table, re.M)} == exit_codes()


def test_every_warning_has_a_section() -> None:
    """A new warning without advice leaves whoever reads it alone."""
    assert set(sections(PAGE)["Warnings"]) == set(get_args(WarningCode))


def test_every_alert_has_a_section() -> None:
    """Whoever is called at night finds the name of the alert on the page."""
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    assert set(sections(PAGE)["Alerts"]) == {rule["alert"] for group in groups for rule in group["rules"]}


def test_every_section_says_what_it_means_what_to_look_at_and_what_to_do() -> None:
    """Or refers to a section of the page that does."""
    found = sections(PAGE)
    names = {name for chapter in ("Exit codes", "Warnings", "Alerts") for name in found[chapter]}
    for chapter in ("Exit codes", "Warnings", "Alerts"):
        for name, text in found[chapter].items():
            if "as under" in text.replace("\n", " "):
                referred = re.findall(r"as under (?:the warning|the exit code|exit code \d|`(\w+)`)", text)
                assert referred, name
                assert {each for each in referred if each} <= names
            else:
                assert all(f"\n{part}: " in text for part in ("Means", "Look at", "Do")), name


def test_links_within_the_page_lead_to_a_heading() -> None:
    """A step that was renamed must not leave a link to nowhere."""
    links = set(re.findall(r"\]\(#([^)]+)\)", PAGE))
    assert links
    assert links <= anchors(PAGE)
    steps = {re.sub(r"[^a-z0-9 -]", "", name.lower()).replace(" ", "-") for name in sections(PAGE)["Steps"]}
    assert steps <= links


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """The name and the commands of each step, in order."""
    for name, text in sections(page)["Steps"].items():
        for block in re.findall(r"```sh\n(.*?)```", text, re.S):
            yield name, block


def test_every_step_has_commands() -> None:
    """A step without a command would not be tried."""
    assert {name for name, _ in blocks(PAGE)} == set(sections(PAGE)["Steps"])
