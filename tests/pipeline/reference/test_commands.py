"""The page of commands and the man pages: every command, literal texts, and valid troff."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.reference import commands, manual
from tests.support.cli_commands import cli_commands

COMMANDS = cli_commands()
PAGES = manual.pages()


def test_man_pages_are_what_the_help_makes() -> None:
    """`make reference` writes them; an old page would be installed with the wheel."""
    assert {path.name: path.read_text() for path in manual.FOLDER.iterdir()} == PAGES


def test_every_command_has_a_section_and_a_man_page() -> None:
    """A command that is left out cannot be found; the page has no other source."""
    titles = re.findall(r"^## (chatsieve .*)$", commands.page(), re.M)
    assert sorted(titles) == sorted(words for words in COMMANDS if " " in words)
    assert sorted(PAGES) == sorted(f"{words.replace(' ', '-')}.1" for words in COMMANDS)


@pytest.mark.parametrize("words", COMMANDS)
def test_both_have_all_options_and_examples(words: str) -> None:
    """They replace the help for people who read elsewhere."""
    described = next(each for each in commands.described() if each.words == words)
    text = commands.page()
    page = text[text.find(f"## {words}\n") :] if " " in words else text
    man = PAGES[f"{words.replace(' ', '-')}.1"]
    options = {name for each in COMMANDS[words].params for name in each.opts if name[:2] == "--"}
    for option in options - {"--debug", "--version"}:
        assert f"{option} " in page or f"{option}`" in page
    for option in options:
        assert manual.escaped(option) in man
    for example in described.examples:
        assert f"\n{example.line}\n" in page
        assert f"\n{manual.escaped(example.line)}\n" in man


@pytest.mark.parametrize("name", PAGES)
def test_no_text_is_a_request_of_troff(name: str) -> None:
    """A line that begins with a dot or an apostrophe would be read as a request, and vanish."""
    known = r"\.(TH .*|SH .*|SS .*|PP|TP|RS 4|RE|nf|fi|nh|ad l)"
    requests = [line for line in PAGES[name].splitlines() if line[:1] in (".", "'")]
    assert [line for line in requests if not re.fullmatch(known, line)] == []
    escapes = set(re.findall(r"\\(?:\(..|\[\w+\]|f[BR]|.)", PAGES[name]))
    assert escapes <= {r"\-", r"\e", r"\(aq", r"\(ga", r"\(ha", r"\(ti", r"\&", r"\fB", r"\fR"}
    assert PAGES[name].isascii()
    assert PAGES[name].count(r"\fB") == PAGES[name].count(r"\fR")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("--as-of", r"\-\-as\-of"),
        (r"a\b 'c' `d` ~^", r"a\eb \(aqc\(aq \(gad\(ga \(ti\(ha"),
        ("é", r"\[u00E9]"),
    ],
)
def test_special_characters_are_escaped(text: str, made: str) -> None:
    """A hyphen that is printed as another character cannot be copied into a command line."""
    assert manual.escaped(text) == made


def test_man_shows_what_the_help_has(tmp_path: Path) -> None:
    """What is written must be what is read, for each page."""
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    for name, text in PAGES.items():
        (tmp_path / name).write_text(text)
        program = ["groff", "-man", "-ww", "-Tascii", "-P-c", "-P-b", "-P-u", str(tmp_path / name)]
        done = subprocess.run(program, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        shown = "".join(done.stdout.split())
        described = next(each for each in commands.described() if name == f"{each.words.replace(' ', '-')}.1")
        rows = [*described.arguments, *described.options]
        texts = [*described.paragraphs, *(row.text for row in rows), *(row.name for row in rows)]
        assert [text for text in texts if "".join(text.replace("`", "").split()) not in shown] == []
