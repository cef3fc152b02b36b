"""`make docs` builds a site whose links lead somewhere and which loads nothing from other hosts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES
from tests.docs.site import faults_of_site
from tests.support.command import ROOT

_TOOL = ROOT / ".tools/docs/bin/zensical"


def _build(clone: Path) -> tuple[int, str]:
    """Builds a copy of the clone with the environments of this one: exit code and output, without colours."""
    tools = ROOT / ".tools/docs"
    given = [f"--assume-old={tools}/.installed", f"DOCS={tools}", f"BIN={ROOT / '.venv/bin'}"]
    done = subprocess.run(
        ["make", "--assume-old=setup", *given, "docs"],
        cwd=clone,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the site is made of, in a folder that a test may change."""
    assert _TOOL.exists(), "run `make docs` or `make test-cluster`"
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in names:
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.cluster
def test_the_site_is_built_without_a_warning(clone: Path) -> None:
    """Every page is in it, with the JSON Schemas that editors ask for; a reader needs no network."""
    code, output = _build(clone)
    assert code == 0, output
    assert "No issues found" in output
    site = clone / "build/docs"
    pages = {path.relative_to(ROOT).with_suffix(".html") for path in PAGES}
    made = {path.relative_to(site) for path in site.rglob("*.html")}
    assert {str(page).replace("README.html", "index.html") for page in pages} <= {str(page) for page in made}
    for name in ("configs/schemas/run.schema.json", "docs/reference/report.schema.json"):
        assert (site / name).read_bytes() == (ROOT / name).read_bytes()
    assert list(faults_of_site(site)) == []


@pytest.mark.cluster
@pytest.mark.parametrize(
    "link", ["gone.md", "reference/policy.md#gone", "../configs/gone.yaml", "../configs"]
)
def test_a_wrong_link_ends_the_build_with_an_error(clone: Path, link: str) -> None:
    """To a page, a heading, a file and a folder."""
    with (clone / "docs/index.md").open("a") as page:
        page.write(f"\n[wrong]({link})\n")
    code, output = _build(clone)
    assert code != 0
    assert link.removeprefix("../") in output


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<a href="gone.html">', "index.html: no gone.html"),
        ('<a href="#gone">', "index.html: no #gone"),
        ('<a href="other.html#gone">', "index.html: no other.html#gone"),
        ('<a href="folder">', "index.html: no folder"),
        ('<script src="https://cdn.example/x.js">', "index.html: loads https://cdn.example/x.js"),
        (
            '<link rel="stylesheet" href="//cdn.example/x.css">',
            "index.html: loads //cdn.example/x.css",
        ),
        ('<img src="https://cdn.example/x.png">', "index.html: loads https://cdn.example/x.png"),
    ],
)
def test_a_fault_of_a_site_is_reported(tmp_path: Path, text: str, fault: str) -> None:
    """The check must be able to fail."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "other.html").write_text('<h2 id="here"></h2><a href="index.html?q=1#here">')
    (tmp_path / "index.html").write_text(f'<a id="here" href="https://example.com/x"></a>{text}')
    (tmp_path / "style.css").write_text("a { background: url(folder.png) }")
    assert list(faults_of_site(tmp_path)) == [fault]


def test_a_style_sheet_that_loads_a_font_is_reported(tmp_path: Path) -> None:
    """Fonts are the usual way in which a page tells others who reads it."""
    (tmp_path / "index.html").write_text("")
    (tmp_path / "style.css").write_text('@import "https://fonts.example/x.css";')
    assert list(faults_of_site(tmp_path)) == ["style.css: loads https://fonts.example/x.css"]
