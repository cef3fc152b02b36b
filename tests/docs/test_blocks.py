"""Every block of every page has a known language, correct markers, correct syntax and options that exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.docs.blocks import LANGUAGES, MARKERS, PAGES, Block, name_of, page_of
from tests.docs.folders import FOLDERS
from tests.docs.options import calls, faults_of

#: A line that calls a command, but not a description such as `chatsieve run [OPTIONS]`.
_COMMAND = re.compile(r"^\s*(\$ |chatsieve (?!.*\[OPTIONS\]))", re.M)
_INLINE = re.compile(r"(?<!`)`(chatsieve [^`]+)`(?!`)")


def faults_of_page(text: str) -> list[str]:
    """What is wrong with the blocks of a page and with the `chatsieve` calls in its sentences, by line."""
    page = page_of(text)
    found = [f"marker {name} without a block" for name in page.unused]
    if page.folder not in FOLDERS:
        found.append(f"folder {page.folder} is none of {', '.join(FOLDERS)}")
    has_run = False
    for block in page.blocks:
        found += [f"line {block.line}: {fault}" for fault in _faults_of_block(block)]
        if block.language == "text" and not block.is_output and _COMMAND.search(block.text):
            found.append(f"line {block.line}: a command in a text: use sh")
        if block.is_output and not block.text.replace("...", "").strip():
            found.append(f"line {block.line}: an output that is never wrong")
        if block.is_output and not has_run:
            found.append(f"line {block.line}: output of no block")
        has_run = has_run or block.is_run
    for call in _INLINE.findall(text):
        for arguments in calls(call.replace("\n", " ")):
            found += [f"{fault}: {call}" for fault in faults_of(arguments, partial=True)]
    return found


def _faults_of_block(block: Block) -> list[str]:
    if block.language not in LANGUAGES:
        return [f"language {block.language or 'of no name'}: use one of {', '.join(LANGUAGES)}"]
    found = [
        f"marker {name}: {value}"
        for name, value in block.markers.items()
        if not re.fullmatch(MARKERS[name], value)
    ]
    if "exit" in block.markers and not block.is_run:
        found.append("exit code of a block that is not run")
    if block.is_run and re.search(r"\b(s3|gs)://", block.text):
        found.append("a block that is run here has no bucket")
    if block.language == "sh":
        checked = subprocess.run(
            ["bash", "-n"], input=block.text, capture_output=True, text=True, check=False
        )
        found += checked.stderr.splitlines()
        if not checked.returncode and "exit" not in block.markers:
            found += [fault for call in calls(block.text) for fault in faults_of(call)]
    elif block.language == "python":
        try:
            compile(block.text, "block", "exec")
        except SyntaxError as error:
            found.append(str(error))
    elif block.language == "yaml":
        try:
            list(yaml.safe_load_all(block.text))
        except yaml.YAMLError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_the_blocks_of_a_page_are_correct(path: Path) -> None:
    """Also of blocks that cannot be run here: a reader has no server to blame for an option that is gone."""
    assert faults_of_page(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("```\nls\n```", "line 1: language of no name: use one of sh,"),
        ("```bash\nls\n```", "line 1: language bash: use one of sh,"),
        ("```sh\nif true\n```", "line 1: bash: line"),
        ("```python\nif true\n```", "line 1: expected ':'"),
        ("```yaml\na: [b\n```", "line 1: while parsing"),
        ("<!-- output -->\n```text\nfound 3\n```", "line 2: output of no block"),
        ("```text\nfound 3\n```\n<!-- output -->", "marker output without a block"),
        ("<!-- no-run: short -->\n```sh\nls\n```", "line 2: marker no-run: short"),
        ("<!-- no-run: needs a cluster -->\nwords\n", "marker no-run without a block"),
        ("```sh\nls s3://bucket\n```", "line 1: a block that is run here has no bucket"),
        ("```sh\nls\n```\n```text\n...\n```", "line 4: an output that is never wrong"),
        ("```text\nchatsieve run\n```", "line 1: a command in a text: use sh"),
        ("<!-- folder: logs -->\n\n<!-- folder: clone -->", "marker folder without a block"),
        ("<!-- folder: other -->", "folder other is none of empty,"),
        ("```sh\nchatsieve run -c x --gone 1\n```", "line 1: chatsieve run: No such option: --gone"),
        (
            "<!-- no-run: needs a cluster -->\n```sh\nX=1 chatsieve path\n```",
            "line 2: chatsieve path has no value for dataset",
        ),
        ("1. words\n\n   ```sh\n   chatsieve path a b\n   ```\n", "line 3: chatsieve path takes no b"),
        ("`chatsieve run --gone`", "chatsieve run has no option --gone"),
        ("`chatsieve policy gone`", "chatsieve policy has no command gone"),
        ("<!-- setup\nchatsieve gone\n-->", "line 1: chatsieve has no command gone"),
    ],
)
def test_a_wrong_block_is_reported(text: str, fault: str) -> None:
    """The checks must be able to fail."""
    (found,) = faults_of_page(text)
    assert found.startswith(fault)


def test_calls_are_found_in_a_script() -> None:
    """Continued lines, variables, pipes, substitutions, comments and redirections are those of a shell."""
    script = (
        'A=1 chatsieve run -c run.yaml 2>> log # it\'s chatsieve\necho x | chatsieve scrub "a b" && \\\n'
        '/opt/bin/chatsieve path a#b > file\ncat "$(chatsieve path out)/x" <<EOF\nchatsieve\'s\nEOF\n'
        "kubectl create chatsieve"
    )
    assert sorted(calls(script)) == [
        ["path", "a#b"],
        ["path", "out"],
        ["run", "-c", "run.yaml"],
        ["scrub", "a b"],
    ]
