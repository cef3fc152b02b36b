"""`chatsieve init`: a configuration that runs, from logs and options; nothing is replaced unasked."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.commands.init import files
from pipeline.commands.init.document import Answers
from pipeline.inputs.config import load_settings
from schemas.errors import OutputError
from tests.support.command import chatsieve
from tests.support.first_logs import KINDS, first_logs

PAST = ("--consent", "agreed.csv", "--as-of", "2026-03-01T00:00:00Z")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tree(folder: Path) -> dict[str, Any]:
    """The configuration as written."""
    found: dict[str, Any] = yaml.safe_load((folder / "chatsieve.yaml").read_text())
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_logs_gives_a_valid_configuration_in_one_command(kind: str, folder: Path) -> None:
    """Everything that inspection finds is in it, and every answer; its paths move with the folder."""
    made = first_logs(kind, folder)
    done = chatsieve("init", made.path, *made.flags, *PAST)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    written = tree(folder)
    assert [each["format"] for each in written["inputs"]] == [kind.replace("parquet", "canonical")]
    assert "FILL_IN" not in (folder / "chatsieve.yaml").read_text()
    assert not any(each["path"].startswith("/") for each in written["inputs"])
    assert (written["consent"], written["key_file"]) == ({"snapshots": ["agreed.csv"]}, "chatsieve.key")
    settings = load_settings(folder / "chatsieve.yaml", {})
    assert len(settings.key) == 32
    assert "chatsieve audit -c chatsieve.yaml" in done.stderr


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
def test_the_next_commands_decide_and_write_the_session_of_the_user_who_agreed(
    kind: str, folder: Path
) -> None:
    """The two commands that `init` prints work as they are, whatever the logs."""
    made = first_logs(kind, folder)
    printed = chatsieve("init", made.path, *made.flags, *PAST).stderr.splitlines()
    commands = [text.split()[1:] for text in printed[printed.index("next:") + 1 :]]
    for command in commands:
        done = chatsieve(*command)
        assert done.returncode == 0, (command, done.stderr)
    sessions = 2 if kind == "mapped" else 1
    assert f"run: {sessions} of {sessions} sessions are eligible" in done.stderr


@pytest.mark.faults
@pytest.mark.parametrize("kind", ["canonical", "claude-code"])
def test_without_consent_the_next_commands_work_and_include_nobody(kind: str, folder: Path) -> None:
    """A first run shows what the logs have, and the file to fill in decides nothing by itself."""
    made = first_logs(kind, folder)
    assert chatsieve("init", made.path, *made.flags, "--consent", "none").returncode == 0
    done = chatsieve("audit", "-c", "chatsieve.yaml", "--json")
    assert done.returncode == 0, done.stderr
    reasons = {each["reason"]: each["sessions"] for each in json.loads(done.stdout)["reasons"]}
    assert reasons == {"undecided" if kind == "claude-code" else "no_consent_record": 1}


def test_all_missing_options_are_one_line(folder: Path) -> None:
    """A script is corrected in one go, and nothing is written until it is."""
    made = first_logs("mapped", folder)
    done = chatsieve("init", made.path)
    assert (done.returncode, done.stderr.splitlines()[1:]) == (
        2,
        [
            "chatsieve: missing: --surface SURFACE, --fill tier.plus=VALUE, --fill time_zone=VALUE, "
            "--fill role.VALUE=ROLE, --consent PATH|none; give them, or --yes for the defaults of those that "
            "have one"
        ],
    )
    assert sorted(path.name for path in folder.iterdir()) == ["agreed.csv", "logs"]


def test_yes_takes_the_safe_defaults_but_guesses_nothing(folder: Path) -> None:
    """What is left open excludes sessions; a role or a time zone that is guessed would falsify them."""
    made = first_logs("mapped", folder)
    done = chatsieve("init", made.path, "--yes")
    assert (done.returncode, done.stderr.splitlines()[1]) == (
        2,
        "chatsieve: missing: --fill time_zone=VALUE, --fill role.VALUE=ROLE; give them",
    )
    fills = ("--fill", "time_zone=UTC", "--fill", "role.helpbot=assistant")
    assert chatsieve("init", made.path, "--yes", *fills).returncode == 0
    written = tree(folder)
    assert "defaults" not in written["inputs"][0]
    assert written["inputs"][0]["fields"]["tier"] == {"path": "plan"}
    assert (written["consent"]["snapshots"], written["output"]["path"]) == (["consent.csv"], "out/dataset")
    assert written["policy"] == "consumer-terms-2025-09-28"


def test_a_surface_that_the_format_implies_needs_no_option(folder: Path) -> None:
    """The folder of Claude Code has coding sessions only; the option takes precedence."""
    made = first_logs("claude-code", folder)
    assert chatsieve("init", made.path, *made.flags, *PAST).returncode == 0
    assert tree(folder)["inputs"][0]["defaults"] == {"user_id": "me", "tier": "pro", "surface": "code"}
    again = chatsieve("init", made.path, *made.flags, *PAST, "--surface", "chat", "--force")
    assert again.returncode == 0, again.stderr
    assert tree(folder)["inputs"][0]["defaults"]["surface"] == "chat"


def test_an_excluded_tier_takes_organisation_and_authorisations(folder: Path) -> None:
    """Commercial sessions count only with a contract, so both are part of the first configuration."""
    made = first_logs("parquet", folder)
    (folder / "contracts.csv").write_text("organization_id,surface,valid_from,valid_to,reference\n")
    more = ("--tier", "team", "--organization-id", "org-1", "--authorizations", "contracts.csv")
    done = chatsieve("init", made.path, *more, *PAST)
    assert done.returncode == 0, done.stderr
    written = tree(folder)
    assert written["inputs"][0]["defaults"] == {"tier": "team", "organization_id": "org-1"}
    assert written["authorizations"] == "contracts.csv"


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (
            ("--tier", "gold"),
            "--tier gold: expected one of free, pro, max, team, enterprise, gov, education, api",
        ),
        (("--consent", "gone.csv"), "--consent gone.csv: there is no such file; give a file or a glob"),
        (("--consent", "logs/day.parquet"), "--consent logs/day.parquet: "),
        (("--deletions", "gone.csv"), "--deletions gone.csv: there is no such file"),
        (("--policy", "gone"), "--policy gone: neither a packaged policy ("),
        (("--deid", "gone"), "--deid gone: neither a packaged de-identification config ("),
        (("--as-of", "yesterday"), "--as-of yesterday: expected "),
        (("--output", "agreed.csv"), "--output agreed.csv: is a file; give a folder"),
        (("--fill", "tier.x=pro"), "--fill tier.x: nothing with this name is open; leave it out"),
        (("--fill", "tier"), "--fill tier: expected KEY=VALUE, such as --fill tier.plus=pro"),
        (
            ("--format", "sharegpt"),
            "--format sharegpt: known formats are detected; give mapped, or leave it out",
        ),
    ],
)
def test_a_wrong_answer_is_refused_with_its_option(flags: tuple[str, ...], line: str, folder: Path) -> None:
    """The fault is found while it is easy to correct, not in the first run; nothing is written."""
    made = first_logs("parquet", folder)
    given = {"--tier": "pro", "--consent": "agreed.csv", "--as-of": "2026-03-01T00:00:00Z"}
    given[flags[0]] = flags[1]
    done = chatsieve("init", made.path, *(each for pair in given.items() for each in pair))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"chatsieve: {line}"), done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["agreed.csv", "logs"]


def test_an_option_that_no_record_needs_is_told(folder: Path) -> None:
    """The user expects that it has an effect; values of the records take precedence."""
    made = first_logs("canonical", folder)
    done = chatsieve("init", made.path, "--user-id", "me", *PAST)
    assert (done.returncode, "--user-id is not used: no record needs it" in done.stderr) == (0, True)


def test_a_user_id_that_could_match_nothing_is_refused(folder: Path) -> None:
    """Ids are compared as they are: one with a space would exclude all sessions."""
    made = first_logs("claude-code", folder)
    done = chatsieve("init", made.path, "--user-id", " me", "--tier", "pro", *PAST)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("chatsieve: --user-id me: "), done.stderr


def test_logs_that_cannot_be_read_are_refused(folder: Path) -> None:
    """Without a format there is nothing to configure; no path is the first thing that is missing."""
    (folder / "notes.txt").write_text("no log")
    assert (
        chatsieve("init", "notes.txt", "--yes")
        .stderr.splitlines()[-1]
        .endswith(
            "notes.txt: no format was recognised, and no messages were found in JSON or Parquet; convert the "
            "files first, or write `fields` by hand (docs/how-to/own-schema.md)"
        )
    )
    assert "missing: PATH" in chatsieve("init", "--consent", "none").stderr
    assert "gone: no such input" in chatsieve("init", "gone", "--yes").stderr
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_no_file_is_replaced_without_force_and_a_key_never(folder: Path) -> None:
    """A key that is lost makes a dataset unusable; a configuration may have been edited for hours."""
    made = first_logs("canonical", folder)
    assert chatsieve("init", made.path, "--consent", "none").returncode == 0
    key = (folder / "chatsieve.key").read_text()
    (folder / "chatsieve.yaml").write_text("mine")
    refused = chatsieve("init", made.path, "--consent", "none")
    assert (refused.returncode, "--force to replace it" in refused.stderr) == (2, True)
    other = chatsieve("init", made.path, "--consent", "none", "-c", "other.yaml")
    assert (other.returncode, "consent.csv: exists already" in other.stderr) == (2, True)
    assert (folder / "chatsieve.yaml").read_text() == "mine"
    assert not (folder / "other.yaml").exists()
    forced = chatsieve("init", made.path, "--consent", "none", "--force")
    assert "chatsieve.key: exists and is used" in forced.stderr
    assert tree(folder)["inputs"]
    assert (folder / "chatsieve.key").read_text() == key


def test_a_file_that_is_no_key_is_refused_before_any_question(folder: Path) -> None:
    """It is another file of the user; it would be refused by every run."""
    made = first_logs("canonical", folder)
    (folder / "chatsieve.key").write_text("a shopping list")
    done = chatsieve("init", made.path, "--yes")
    assert done.returncode == 2
    assert "chatsieve.key: expected 64 or more hex digits" in done.stderr
    assert (folder / "chatsieve.key").read_text() == "a shopping list"


def test_the_files_are_private_and_the_consent_file_has_one_undecided_user(folder: Path) -> None:
    """The owner of the logs is in the file to fill in; an id with a comma stays one value."""
    made = first_logs("claude-code", folder)
    done = chatsieve("init", made.path, "--user-id", 'a,"b', "--tier", "pro", "--consent", "none")
    assert done.returncode == 0, done.stderr
    for name in ("chatsieve.key", "consent.csv", "chatsieve.yaml"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    with (folder / "consent.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["user_id"], row["state"], row["decided_at"]) for row in rows] == [('a,"b', "", "")]
    assert tree(folder)["inputs"][0]["defaults"]["user_id"] == 'a,"b'


def test_a_stale_snapshot_is_told_with_the_moment_to_decide_for(folder: Path) -> None:
    """The first run would be refused; a past day can be decided instead."""
    made = first_logs("canonical", folder)
    stale = "the newest snapshot is of 2026-03-01T00:00:00Z, which is too old for policy"
    warned = chatsieve("init", made.path, "--consent", "agreed.csv")
    assert (warned.returncode, stale in warned.stderr) == (0, True)
    assert "as_of: 2026-03-01T00:00:00Z" in warned.stderr
    fine = chatsieve("init", made.path, *PAST, "--force")
    assert (fine.returncode, stale in fine.stderr) == (0, False)
    assert load_settings(folder / "chatsieve.yaml", {}).as_of.isoformat() == "2026-03-01T00:00:00+00:00"


def test_paths_of_the_configuration_start_from_its_folder(folder: Path) -> None:
    """It is written to another folder than the working one, and still finds everything."""
    made = first_logs("canonical", folder)
    done = chatsieve("init", made.path, *PAST, "-c", "conf/own.yaml", "--output", "data")
    assert done.returncode == 0, done.stderr
    settings = load_settings(folder / "conf/own.yaml", {})
    assert settings.config.inputs[0].path == "../logs/**/*.jsonl"
    assert settings.output_path("run") == folder / "data"
    first = (folder / "conf/own.yaml").read_text().splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert json.loads(Path(schema).read_text())["title"] == "RunConfig"


def test_files_without_messages_are_told_even_if_quiet(folder: Path) -> None:
    """They match the path in the configuration, and a run quarantines them."""
    made = first_logs("canonical", folder)
    (folder / "logs/a.jsonl").write_bytes(b"\x00\xff" * 99)
    done = chatsieve("init", made.path, "--consent", "none", "--quiet")
    assert (done.returncode, done.stderr) == (
        0,
        "chatsieve: *.jsonl: 1 file has no known format and no messages; if the path in the configuration "
        "matches, the run quarantines what they have\n",
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OutputError("disk")])
@pytest.mark.parametrize("force", [False, True])
def test_an_error_while_files_are_written_puts_everything_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, force: bool
) -> None:
    """Half a configuration would look like a whole one; what was replaced is the user's work."""
    before = {"chatsieve.yaml": "mine", "consent.csv": "theirs"} if force else {}
    for name, text in before.items():
        (folder / name).write_text(text)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(files, "load_settings", fail)
    answers = Answers(
        config=folder / "chatsieve.yaml",
        key_file=folder / "chatsieve.key",
        inputs=["  - path: a.jsonl"],
        consent=[],
        owner="me",
        policy="consumer-terms-2025-09-28",
        deid="default",
        output=str(folder / "out"),
    )
    with pytest.raises(type(error)):
        files.write_files(answers)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
