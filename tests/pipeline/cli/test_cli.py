"""The command line: usage errors in one line, help at once, keys made safely."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.inputs.config import DEFAULT_DEID
from tests.support.command import chatsieve


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "Missing option"),
        (["run", "--bogus"], "No such option"),
        (["walk"], "No such command"),
        (["run", "-c", "no-such-file.yaml"], "no-such-file.yaml: cannot be read"),
        (["run", "-c", "configs/demo.yaml", "--", "--no_such_beam_option=1"], "unknown Beam option"),
        (["audit", "-c", "configs/demo.yaml", "--set", "nonsense"], "expected KEY=VALUE"),
        (["sample", "somewhere", "--conversations", "1", "--input-format", "xml"], "--input-format"),
        (["scrub", "no-such-file.txt"], "cannot be read"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_two(arguments: list[str], words: str) -> None:
    """Schedulers and people read exit codes and single lines."""
    done = chatsieve(*arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


@pytest.mark.parametrize("command", ["run", "audit", "inspect", "evaluate", "sample", "diff"])
def test_help_shows_no_python_types(command: str) -> None:
    """A reader needs names and defaults; `<list[str]>`, `{PATH}` and `x>=0` are of the library."""
    shown = chatsieve(command, "--help").stdout
    assert shown.startswith("Usage: ")
    assert not any(sign in shown for sign in ("<", "x>=", "{A}", "{PATH}", "{FOLDER}"))


def test_help_loads_neither_a_runner_nor_models() -> None:
    """Help and completion must be instant. Beam takes a second and more, the models of configurations 0.2."""
    code = (
        "import sys, pipeline.cli.main\n"
        "print({*sys.modules} & {'apache_beam', 'numpy', 'pyarrow', 'pydantic', 'spacy'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_key_is_private_and_never_replaced(tmp_path: Path) -> None:
    """With the key, rows can be linked to users. Without it, no user can be erased."""
    printed = chatsieve("keygen")
    assert re.fullmatch(r"[0-9a-f]{64}\n", printed.stdout)
    path = tmp_path / "key"
    assert chatsieve("keygen", path).returncode == 0
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_text()
    assert chatsieve("keygen", path).returncode == 2
    assert path.read_text() == before != printed.stdout


def test_scrub_masks_a_file_and_explains_without_the_values(tmp_path: Path) -> None:
    """An explanation that repeats the secret explains too much."""
    (tmp_path / "t.txt").write_text("😀 mail bob@example.com, says Priya Raghunathan.\n")
    done = chatsieve("scrub", tmp_path / "t.txt", "--explain")
    assert done.stdout == "😀 mail <EMAIL_ADDRESS_1>, says <PERSON_1>.\n"
    assert "bob" not in done.stderr
    assert "EMAIL_ADDRESS" in done.stderr


def test_scrub_loads_a_heavy_library_only_if_a_text_needs_it(tmp_path: Path) -> None:
    """Presidio and spaCy take two seconds to import, the model one to load; most texts need none of them."""
    (tmp_path / "t.txt").write_text("Hi Jack, call me at 415 555 2671.\n\nThanks,\nAlice\n")
    program = (
        "import sys; from pipeline.cli.main import app; app(['scrub', sys.argv[1]], standalone_mode=False);"
        "print(*{*sys.modules} & {'apache_beam', 'faker', 'presidio_analyzer', 'spacy', 'wordfreq'})"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "t.txt")]
    # The first process of an environment makes the word lists that later ones load.
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "Hi <PERSON_1>, call me at <PHONE_NUMBER_1>.\n\nThanks,\n<PERSON_2>\n\n"


def test_scrubbed_lines_cannot_be_linked(tmp_path: Path) -> None:
    """Each line is a session of its own: the same person has another made-up name in every one."""
    config = tmp_path / "realistic.yaml"
    shipped = DEFAULT_DEID.read_text()
    config.write_text(shipped.replace("surrogates: placeholder", "surrogates: realistic"))
    lines = tmp_path / "t.jsonl"
    lines.write_text('{"text": "I am Wilhelmina Vandersloot."}\n' * 20)
    done = chatsieve("scrub", lines, "--jsonl", "--deid", config)
    texts = [json.loads(line)["text"] for line in done.stdout.splitlines()]
    assert len(texts) == 20
    assert len(set(texts)) > 15
    assert "Wilhelmina" not in done.stdout


def test_scrub_answers_lines_with_offsets_in_code_points(tmp_path: Path) -> None:
    """The form other tools score against."""
    (tmp_path / "t.jsonl").write_text(
        '{"text": "😀 bob@example.com"}\n\n{"text": "nothing"}\n', encoding="utf-8"
    )
    done = chatsieve("scrub", tmp_path / "t.jsonl", "--jsonl", "--explain", "--json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"text": "😀 <EMAIL_ADDRESS_1>", "spans": [[2, 17, "EMAIL_ADDRESS", 0.95]]},
        {"text": "nothing", "spans": []},
    ]
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9" * 60
    (tmp_path / "dense.jsonl").write_text(json.dumps({"text": f"it is {token}"}) + "\n")
    dense = chatsieve("scrub", tmp_path / "dense.jsonl", "--jsonl", "--explain", "--json")
    answer = json.loads(dense.stdout)
    assert (answer["text"], answer["refused"]) == (None, "pii_density")
    assert [span[:3] for span in answer["spans"]] == [[6, 6 + len(token), "SECRET"]]
    lines = ['{"text": 1}', "no JSON", r'{"text": "\ud800 bob@example.com"}', '{"text": "good"}']
    (tmp_path / "bad.jsonl").write_text("\n".join(lines))
    refused = chatsieve("scrub", tmp_path / "bad.jsonl", "--jsonl")
    assert refused.returncode == 2
    assert "line 1" in refused.stderr
    assert "and 1 more" in refused.stderr
    assert [json.loads(line) for line in refused.stdout.splitlines()] == [
        *[{"text": None, "refused": "malformed"}] * 2,
        {"text": "\ud800 <EMAIL_ADDRESS_1>"},
        {"text": "good"},
    ]
