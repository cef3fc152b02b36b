"""Broken run configurations: every fault is named at once, with file, line, key and cure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.inputs.config import load_settings
from schemas.errors import ConfigError
from schemas.known_keys import closest
from tests.support.command import ROOT, chatsieve

GOOD = f"""\
inputs:
  - path: logs/*.jsonl
    format: canonical
consent:
  snapshots: [consent.csv]
policy: consumer-terms-2025-09-28
deid: {ROOT}/configs/deid/default.yaml
key: "{"0123456789abcdef" * 4}"
output:
  path: out
  shards: 4
"""
POLICY = "policy: consumer-terms-2025-09-28"
DATAFLOW = ("project", "region", "sdk_container_image", "temp_location")

#: (what is replaced, by what, the faults: line, key and words of each, in order)
CASES: list[tuple[str, str, list[str]]] = [
    ("  shards: 4", "  shard: 4", ["11: output.shard: unknown key; did you mean shards?"]),
    ("inputs:", "input:", ["1: input: unknown key; did you mean inputs?"]),
    (
        "    format: canonical",
        "    fromat: canonical",
        ["3: inputs[0].fromat: unknown key; did you mean format?"],
    ),
    ("  - path: logs", "  - pth: logs", ["2: inputs[0].pth: unknown key; did you mean path?"]),
    ("  shards: 4", "  colour: red", ["11: output.colour: unknown key; known here: path, shards"]),
    ("  shards: 4", '  shards: "4"', ["11: output.shards: expected a whole number, without quotes"]),
    ("  shards: 4", "  shards: 4.5", ["11: output.shards: expected a whole number"]),
    ("  shards: 4", "  shards: 0", ["11: output.shards: expected 1 or more"]),
    ("  shards: 4", "  shards: 100000", ["11: output.shards: expected 99999 or less"]),
    (
        "  shards: 4",
        "  on_exists: new_versoin",
        ["11: output.on_exists: expected 'refuse' or 'new_version'; did you mean 'new_version'?"],
    ),
    ("  path: out", "  path: 7", ["10: output.path: expected text; put it in quotes"]),
    ("  path: out", '  path: ""', ["10: output.path: is empty; give a value"]),
    ("  path: out\n", "", ["9: output.path: is missing; add it"]),
    ("  snapshots: [consent.csv]", "  snapshots: consent.csv", ["5: consent.snapshots: expected a list"]),
    ("consent:\n  snapshots: [consent.csv]", "consent: consent.csv", ["4: consent: expected a mapping"]),
    (
        "    format: canonical",
        "    defaults: {teir: pro}",
        ["3: inputs[0].defaults.teir: unknown key; did you mean tier?"],
    ),
    (
        "  shards: 4",
        "  shards: 4\nlimits: {max_mesages: 2}",
        ["12: limits.max_mesages: unknown key; did you mean max_messages?"],
    ),
    (
        "  shards: 4",
        "  shards: 4\nlimits: {max_record_bytes: lots}",
        ["12: limits.max_record_bytes: expected a size such as 1048576, 64MiB or 1 GB"],
    ),
    ("  shards: 4", "  shards: 4\nrunner: {name: direkt}", ["12: runner"]),
    (
        "  shards: 4",
        "  shards: 4\nrunner: {worker: 2}",
        ["12: runner.worker: unknown key; did you mean workers?"],
    ),
    ("  shards: 4", "  shards: 4\nas_of: yesterday", ["12: as_of: expected an RFC 3339 time"]),
    ("  shards: 4", "  shards: 4\nas_of: 2026-01-01T00:00:00", ["12: as_of: expected a time with an offset"]),
    ("  shards: 4", "  shards: 4\ncreate_key: 'yes'", ["12: create_key: expected true or false"]),
    (
        "  shards: 4",
        "  shards: 4\naudit: {fail_if: {max_snapshot_age: 3 days}}",
        ["12: audit.fail_if.max_snapshot_age: expected an ISO 8601 duration"],
    ),
    (
        "  shards: 4",
        "  shards: 4\naudit: {fail_if: {min_eligible_share: 2}}",
        ["12: audit.fail_if.min_eligible_share: expected 1 or less"],
    ),
    ("  shards: 4", "  shards: 4\n  shards: 5", ["12: output.shards: duplicate key; remove one"]),
    (POLICY, "policy: consumer-terms", ["policy: consumer-terms: neither a packaged policy"]),
    (POLICY, "policy: 3", ["6: policy: expected text"]),
    ("/default.yaml", "/none.yaml", ["none.yaml: cannot be read"]),
    (
        "key: ",
        "kee: ",
        ["8: kee: unknown key; did you mean key?", "expected one of key, key_file and key_command"],
    ),
    ("0123456789abcdef" * 4, "0123", ["key: expected 64 or more hex digits"]),
    (
        "  shards: 4",
        "  shard: 4\nlimit: {}\nas_of: now",
        ["11: output.shard: ", "12: limit: unknown key; did you mean limits?", "13: as_of: "],
    ),
    (
        "    format: canonical",
        "    format: cannonical\n    defaults: {user_id: 7}\nrunner: {workers: many}",
        ["3: inputs[0].format: ", "4: inputs[0].defaults.user_id: ", "5: runner.workers: "],
    ),
    (
        f"  snapshots: [consent.csv]\n{POLICY}",
        "  snapshot: [consent.csv]\npolicy: none-such",
        ["5: consent.snapshot: unknown key; did you mean snapshots?", "policy: none-such: neither"],
    ),
    (
        "  shards: 4",
        "\tshards: 4",
        ["11: not valid YAML: found character '\\t' that cannot start any token; indent with spaces"],
    ),
    (
        "  shards: 4",
        "   shards: 4",
        ["11: not valid YAML: mapping values are not allowed here; align the key"],
    ),
    ("policy: cons", "policy:cons", ["7: not valid YAML: could not find expected ':'; align the key"]),
    (
        "[consent.csv]",
        "[consent.csv",
        ["6: not valid YAML: expected ',' or ']', but got ':'; close the bracket"],
    ),
    ("path: logs/", "path: *", ["put text that begins with * or & in quotes"]),
    ("inputs:\n  - path", "inputs:\n    path", ["1: inputs: expected a list; write each element on a line"]),
    (
        "path: logs/*.jsonl",
        "path: [a.jsonl]",
        ["2: inputs[0].path: expected text, not a list; give one value"],
    ),
    (
        "format: canonical",
        "format: chatgtp-export",
        ["3: inputs[0].format: no such format; expected one of canonical, "],
    ),
    ("format: canonical", "format: mapped", ["2: inputs[0]: format mapped needs fields; `chatsieve inspect"]),
    (
        "format: canonical",
        "since: P3D",
        ["2: inputs[0]: since needs a path with {date}, such as logs/{date}/"],
    ),
    (
        "  shards: 4",
        "  shards: 4\n  target_shard_bytes: 128MiB",
        ["9: output: shards and target_shard_bytes exclude each other; give one of them"],
    ),
    (
        "  shards: 4",
        "  shards: 4\nlimits: {max_quarantined_fraction: 5}",
        ["12: limits.max_quarantined_fraction: expected 1 or less"],
    ),
    (
        "  shards: 4",
        "  shards: 4\nlimits: {max_quarantined_fraction: 1%}",
        ["12: limits.max_quarantined_fraction: expected a number, without quotes"],
    ),
    (
        "  shards: 4",
        "  shards: 4\nas_of: 2026-13-01T00:00:00Z",
        ["12: as_of: expected an RFC 3339 time such as"],
    ),
    ("  shards: 4", "  shards: 4\nwait: 10 minutes", ["12: wait: expected an ISO 8601 duration such as"]),
    (
        "  shards: 4",
        "  shards: 4\nrunner: {name: dataflow}",
        [f"12: runner.{name}: is missing; add it" for name in DATAFLOW],
    ),
    (
        "  shards: 4",
        "  shards: 4\nrunner: {name: direct, region: eu}",
        ["12: runner.region: unknown key; known here: buckets, max_bucket_bytes, name, workers"],
    ),
    (
        "  shards: 4",
        "  shards: 4\naudit: {fail_if: {warnings: [tier_unlistd]}}",
        ["12: audit.fail_if.warnings[0]: expected 'refused_eligible', 'nothing_read', "],
    ),
    (
        "  snapshots: [consent.csv]",
        "  sources: [{format: fidez, path: x}]",
        [
            "5: consent.sources[0]: unknown format; expected one of 'fides', 'iso-27560', 'segment', "
            "'postgresql'; did you mean 'fides'?"
        ],
    ),
    (
        "  shards: 4",
        "  shards: 4\nkey_file: k.key",
        ["expected one of key, key_file and key_command; generate a key with `chatsieve keygen`"],
    ),
    (
        f'"{"0123456789abcdef" * 4}"',
        "${CHATSIEVE_NO_SUCH_KEY}",
        ["key: the environment variable CHATSIEVE_NO_SUCH_KEY is not set; generate a key with"],
    ),
    ("  path: out", "  path: ${HOME}/out", ["10: output.path: ${...} is not expanded here; write the path"]),
    (
        "  shards: 4",
        "  shards: 4\naudit: {path: '${OUT}/audits'}",
        ["12: audit.path: ${...} is not expanded here; write the path"],
    ),
    (POLICY, f"{POLICY[:-2]}82", ["did you mean consumer-terms-2025-09-28?"]),
]


CURES = (
    "expected|did you mean|known here|add it|remove one|give|read|neither|unknown format|quotes|needs|"
    "generate|spaces|write"
)


@pytest.mark.parametrize(("old", "new", "faults"), CASES, ids=[case[1].strip()[:40] for case in CASES])
def test_every_fault_is_named_at_once(tmp_path: Path, old: str, new: str, faults: list[str]) -> None:
    """Faults that come one at a time cost a run each; a line for each has the place and the cure."""
    assert old in GOOD
    path = tmp_path / "run.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {})
    lines = caught.value.lines
    assert len(lines) == len(faults), lines
    for line, fault in zip(lines, faults, strict=True):
        assert fault in line.replace(f"{path}:", "")
        assert "\n" not in line
        assert re.search(CURES, line)


@pytest.mark.faults
def test_every_broken_configuration_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """Exit code 2, a line for each fault and no other, for all cases by the command itself."""
    for number, (old, new, faults) in enumerate(CASES):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "run.yaml").write_text(GOOD.replace(old, new))
        done = chatsieve("run", "-c", folder / "run.yaml")
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", len(faults)), new
        assert [path.name for path in folder.iterdir()] == ["run.yaml"]


def test_a_good_configuration_has_no_fault(tmp_path: Path) -> None:
    """The base of the cases above."""
    path = tmp_path / "run.yaml"
    path.write_text(GOOD)
    assert load_settings(path, {}).config.output.shards == 4


def test_faults_of_all_files_come_together(tmp_path: Path) -> None:
    """The configuration, its policy and its de-identification config are checked in one go."""
    policy = (ROOT / "configs/policies/consumer-terms-2025-09-28.yaml").read_text()
    (tmp_path / "policy.yaml").write_text(policy.replace("clock_skew:", "clock_scew:"))
    deid = (ROOT / "configs/deid/default.yaml").read_text()
    (tmp_path / "deid.yaml").write_text(deid.replace("version: 1", "version: 2"))
    text = GOOD.replace(POLICY, "policy: policy.yaml").replace(
        f"{ROOT}/configs/deid/default.yaml", "deid.yaml"
    )
    (tmp_path / "run.yaml").write_text(text.replace("shards: 4", "shards: none"))
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path / "run.yaml", {})
    assert [re.sub(r":.*", "", line.replace(f"{tmp_path}/", "")) for line in caught.value.lines] == [
        "run.yaml",
        "policy.yaml",
        "deid.yaml",
    ]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("shard", "shards"),
        ("on_", "on_exists"),
        ("on", None),
        ("SHARDS", "shards"),
        ("pth", "path"),
        ("colour", None),
        ("x", None),
    ],
)
def test_only_a_similar_word_is_proposed(word: str, meant: str | None) -> None:
    """A guess that is far off sends a reader the wrong way."""
    assert closest(word, ["path", "shards", "on_exists"]) == meant
