"""The subject of a session: mapping tables with validity, defaults by path, general defaults."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.commands.convert import convert
from pipeline.inputs.mapping_table import identities_of
from schemas.errors import ConfigError
from schemas.policy import load_pack
from schemas.records import Defaults, Limits
from schemas.sections.inputs import InputConfig
from schemas.tables import AUTHORIZATIONS, CONSENT, DELETIONS
from tests.support.command import Corpus, chatsieve, table_of
from tests.support.source_files import CONTEXT, HASHER, message, read_all, record, utc, write_lines
from transforms.decide.merge import merge
from transforms.decide.rules import DecisionInputs, judge
from transforms.sources.base import ReadContext
from transforms.sources.identities import THEN, Identities, Mapped, Owner

UPGRADED = "2025-11-01T00:00:00Z"
HEADER = "path,account,user_id,organization_id,tier,surface,valid_from,valid_to\n"


def table(folder: Path, *rows: str) -> Path:
    path = folder / "identity.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


def context(folder: Path, *rows: str, by_path: Any = (), defaults: Defaults | None = None) -> ReadContext:
    config = InputConfig.model_validate({"path": "x", "defaults_by_path": list(by_path)})
    found = identities_of(config, str(folder), str(table(folder, *rows)) if rows else None)
    return dataclasses.replace(CONTEXT, identities=(found,), defaults=(defaults or Defaults(),))


def owners(folder: Path, known: ReadContext, *records: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The owner of each record, from JSON and from Parquet columns; the facts must be the same."""
    logs = folder / "logs" / "alice"
    logs.mkdir(parents=True, exist_ok=True)
    path = write_lines(logs / "a.jsonl", records)
    by_line = read_all([path], context=known)
    (logs / "a.parquet").unlink(missing_ok=True)
    convert([str(path)], logs / "a.parquet", "canonical", Defaults(), Limits())
    by_column = read_all([logs / "a.parquet"], context=known)
    for name in ("user_key", "organization_key", "tier", "surface"):
        assert by_column.facts[name].to_pylist() == by_line.facts[name].to_pylist()
    assert by_column.facts["user_key"].to_pylist() == [
        s.user_id and HASHER.user(s.user_id) for s in by_line.sessions
    ]
    return [(s.user_id, s.organization_id, s.tier, s.surface) for s in by_line.sessions]


def record_at(at: str, **fields: Any) -> dict[str, Any]:
    return record(created_at=at, messages=[message(sent_at=at)], **fields)


def test_the_tier_is_the_one_valid_at_the_time(tmp_path: Path) -> None:
    """A user who pays today may not have paid then. A row is valid until the start of the next row."""
    known = context(tmp_path, f",u1,,,free,,,{UPGRADED}", f",u1,,org-9,enterprise,,{UPGRADED},")
    before, after = record_at("2025-10-31T23:59:59.999999Z"), record_at(UPGRADED, conversation_id="c2")
    other = record_at(UPGRADED, user_id="u2", conversation_id="c3")
    assert owners(tmp_path, known, before, after, other) == [
        ("u1", None, "free", "chat"),
        ("u1", "org-9", "enterprise", "chat"),
        ("u2", None, "pro", "chat"),
    ]


def test_sources_of_identity_have_precedence_by_field(tmp_path: Path) -> None:
    """Account, path, record, defaults by path, defaults: each fills the fields that are still empty."""
    known = context(
        tmp_path,
        ",acct-1,person-1,,,,,",
        "logs/alice/*,,,org-1,,,,",
        by_path=[{"path": "logs/bob/**", "surface": "api"}, {"path": "**/a.*", "surface": "code"}],
        defaults=Defaults(user_id="nobody", tier="free", surface="chat"),
    )
    mine, nameless = (
        record_at(UPGRADED, user_id="acct-1", tier=..., surface=...),
        record_at(UPGRADED, user_id=" ", surface=""),
    )
    assert owners(tmp_path, known, mine, nameless | {"conversation_id": "c2"}) == [
        ("person-1", "org-1", "free", "code"),
        ("nobody", "org-1", "pro", "code"),
    ]


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("a/*.jsonl", "a/x.jsonl", True),
        ("a/*.jsonl", "a/b/x.jsonl", False),
        ("**/x.jsonl", "x.jsonl", True),
        ("**/x.jsonl", "a/b/x.jsonl", True),
        ("a/**", "a/b/c.jsonl", True),
        ("a/**", "b/a/c.jsonl", False),
        ("a?.jsonl", "ab.jsonl", True),
        ("a?.jsonl", "a/.jsonl", False),
        ("a+(b).jsonl", "a+(b).jsonl", True),
        ("a.jsonl", "axjsonl", False),
    ],
)
def test_globs_are_of_the_path_below_the_input(glob: str, path: str, fits: bool) -> None:
    """`*` stays within a folder, `**` does not; all else is itself."""
    known = Identities("/logs", by_path=((glob, Owner(tier="pro")),))
    found = known.owner(Owner(), Owner(), utc(UPGRADED), utc(UPGRADED), [f"/logs/{path}"])
    assert (found.tier == "pro") is fits


def decided(folder: Path, known: ReadContext, item: dict[str, Any]) -> tuple[str, str | None]:
    """Reason and tier in the ledger, under the shipped terms."""
    found = read_all([write_lines(folder / "b.jsonl", [item])], context=known)
    policy = load_pack(Path("configs/policies/consumer-terms-2025-09-28.yaml")).policy
    as_of = utc("2026-03-01T00:00:00Z")
    no_snapshots = DecisionInputs(
        CONSENT.empty_table(), DELETIONS.empty_table(), AUTHORIZATIONS.empty_table(), as_of, as_of
    )
    (row,) = judge(merge(found.facts), no_snapshots, policy).table().to_pylist()
    return row["reason"], row["tier"]


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ("pro", ("no_consent_record", "pro")),
        ("enterprise", ("tier_excluded", "enterprise")),
        ("platinum", ("tier_unknown", "unknown")),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_session_across_a_change_is_decided_by_its_worst_part(
    tmp_path: Path, then: str, expected: tuple[str, str], swapped: bool
) -> None:
    """Messages under enterprise terms do not become a consumer's by an earlier or later change of tier."""
    tiers = (then, "free") if swapped else ("free", then)
    known = context(tmp_path, f",u1,,,{tiers[0]},,,{UPGRADED}", f",u1,,,{tiers[1]},,{UPGRADED},")
    item = record(
        created_at="2025-10-01T00:00:00Z",
        messages=[
            message("m1", sent_at="2025-10-01T00:00:00Z"),
            message("m2", sent_at="2025-12-01T00:00:00Z"),
        ],
    )
    reason, tier = decided(tmp_path, known, item)
    assert reason == expected[0]
    assert tier == (expected[1] if then != "pro" else tiers[1])


def test_in_a_gap_of_the_table_the_record_counts(tmp_path: Path) -> None:
    """Between two rows only the record has the tier. If it has none, the tier is unknown."""
    known = context(tmp_path, ",u1,,,pro,,,2025-10-02T00:00:00Z", f",u1,,,pro,,{UPGRADED},")
    times = ("2025-10-01T00:00:00Z", "2025-12-01T00:00:00Z")
    item = record(created_at=times[0], messages=[message(f"m{n}", sent_at=t) for n, t in enumerate(times)])
    assert decided(tmp_path, known, item | {"tier": "free"})[0] == "no_consent_record"
    assert decided(tmp_path, known, item | {"tier": None})[0] == "tier_unknown"
    assert decided(tmp_path, known, item | {"tier": "enterprise"})[0] == "tier_excluded"


def test_a_session_across_a_change_of_user_has_no_subject(tmp_path: Path) -> None:
    """Neither user's consent covers the other's messages, and defaults must not apply."""
    known = context(
        tmp_path, f",u1,anna,,,,,{UPGRADED}", f",u1,ben,,,,{UPGRADED},", defaults=Defaults(user_id="someone")
    )
    times = ("2025-10-01T00:00:00Z", "2025-12-01T00:00:00Z")
    item = record(created_at=times[0], messages=[message(f"m{n}", sent_at=t) for n, t in enumerate(times)])
    assert owners(tmp_path, known, item) == [(None, None, "pro", "chat")]
    assert decided(tmp_path, known, item)[0] == "no_subject"


def test_a_record_cannot_claim_several_tiers(tmp_path: Path) -> None:
    """Only the table can state a change of tier. A log value that contains the separator is no valid tier."""
    assert decided(tmp_path, CONTEXT, record_at(UPGRADED, tier=f"free{THEN}pro"))[0] == "tier_unknown"
    known = context(tmp_path, ",u2,,,free,,,")
    item = record_at(UPGRADED, tier=f"free{THEN}pro")
    assert decided(tmp_path, known, item)[0] == "tier_unknown"
    assert THEN not in str(owners(tmp_path, known, item))


@settings(deadline=None)
@given(
    bounds=st.lists(st.integers(0, 30), min_size=2, max_size=2).map(sorted),
    rows=st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 10), st.sampled_from(["a", "b", None])), max_size=4
    ),
)
def test_an_owner_is_valid_at_every_instant_of_the_session(
    bounds: list[int], rows: list[tuple[int, int, str | None]]
) -> None:
    """Compared with a check of each single instant."""

    def at(day: int) -> dt.datetime:
        return dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=day)

    mapped = tuple(
        Mapped(Owner(user_id="x", tier=tier), at(start), at(start + length)) for start, length, tier in rows
    )
    found = Identities(accounts={"u": mapped}).owner(
        Owner(user_id="u"), Owner(tier="d"), at(bounds[0]), at(bounds[1]), ["p"]
    )
    tiers: list[str] = []
    for day in range(bounds[0], bounds[1] + 1):
        held = next((t for start, length, t in rows if start <= day < start + length and t), "d")
        tiers += [held] if tiers[-1:] != [held] else []
    assert found.tier == THEN.join(tiers)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            [",u1,,,free,,,", ",u1,,,pro,,2025-01-01T00:00:00Z,"],
            "identity.csv:3: tier differs from identity.csv:2",
        ),
        ([",u1,,,free,,,", ",u1,,,,code,,", ",u1,,,pro,,,"], "identity.csv:4: tier differs"),
        (["x,u1,,,free,,,"], "identity.csv:2: expected either path or account"),
        ([",,,,free,,,"], "identity.csv:2: expected either path or account"),
        ([",u1,,,,,,"], "identity.csv:2: user_id, organization_id, tier and surface are empty"),
        ([",u1,,,free,,2025-01-01,"], "identity.csv:2: valid_from: expected an RFC 3339 time with an offset"),
        ([f",u1,,,free,,{UPGRADED},{UPGRADED}"], "identity.csv:2: expected valid_to after valid_from"),
        ([",u1,,,free"], "identity.csv:2: expected one value per column"),
        ([",u1,,,free,,,,,"], "identity.csv:2: expected one value per column"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused_by_row(
    tmp_path: Path, rows: list[str], words: str
) -> None:
    """The refusal comes before any input is read, and the error has no content of the table."""
    with pytest.raises(ConfigError) as refused:
        context(tmp_path, *rows)
    assert words in str(refused.value)
    assert "u1" not in str(refused.value)


def test_tables_are_csv_or_parquet_with_known_columns(tmp_path: Path) -> None:
    """Instants are times in Parquet; a strange column is a mistake, not a remark."""
    config = InputConfig(path="x")
    path = tmp_path / "identity.parquet"
    rows = [
        {"account": "u1", "tier": "free", "valid_to": utc(UPGRADED)},
        {"account": "u1", "tier": "pro", "valid_from": utc(UPGRADED)},
    ]
    instant = pa.timestamp("us", "UTC")
    schema = pa.schema(
        [("account", pa.string()), ("tier", pa.string()), ("valid_from", instant), ("valid_to", instant)]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    by_parquet = identities_of(config, "r", str(path))
    by_text = identities_of(
        config, "r", str(table(tmp_path, f",u1,,,free,,,{UPGRADED}", f",u1,,,pro,,{UPGRADED},"))
    )
    assert by_parquet == by_text
    pq.write_table(pa.table({"account": ["u"], "plan": ["x"]}), path)
    with pytest.raises(ConfigError, match="unknown column plan"):
        identities_of(config, "r", str(path))
    pq.write_table(pa.table({"tier": ["x"]}), path)
    with pytest.raises(ConfigError, match="expected a column path or a column account"):
        identities_of(config, "r", str(path))
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(ConfigError, match="mapping cannot be read"):
        identities_of(config, "r", str(path))
    with pytest.raises(ConfigError, match="mapping cannot be read: No such file"):
        identities_of(config, "r", str(tmp_path / "none.csv"))


@pytest.mark.e2e
@pytest.mark.parametrize("workers", [1, 2])
def test_an_audit_decides_by_the_table_and_writes_no_account(
    corpus: Corpus, tmp_path: Path, workers: int
) -> None:
    """Also with worker processes. The manifest has the table's digest, but no account of it."""
    canary = "canary-account-31"
    items = [
        record_at("2025-10-05T10:00:00Z", user_id=canary),
        record_at("2026-01-05T10:00:00Z", user_id=canary, conversation_id="c2"),
    ]
    write_lines(tmp_path / "log.jsonl", items)
    table(
        tmp_path,
        f",{canary},canary-person,,free,,,{UPGRADED}",
        f",{canary},canary-person,,enterprise,,{UPGRADED},",
    )
    entry = f"path: {tmp_path}/log.jsonl, mapping: {tmp_path}/identity.csv"
    inputs = f"inputs=[{{{entry}, defaults_by_path: [{{path: '**', user_id: canary-default}}]}}]"
    done = chatsieve(
        "audit",
        "-c",
        corpus.config,
        "--output",
        tmp_path / "out",
        "--set",
        inputs,
        "--set",
        f"runner.workers={workers}",
        "--quiet",
    )
    assert (done.returncode, done.stderr) == (0, "")
    reasons = {(row["tier"], row["reason"]) for row in table_of(tmp_path / "out", "ledger")}
    assert reasons == {("free", "no_consent_record"), ("enterprise", "tier_excluded")}
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"canary" not in written
    assert b'"mapping"' in written
