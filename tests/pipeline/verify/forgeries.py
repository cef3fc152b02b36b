"""Forgeries of a finished dataset, each with the class of findings that names it.

The forger can write all files, and seals digests anew; the key is not known to him.
"""

from __future__ import annotations

import datetime as dt
import os

import pyarrow as pa

from schemas.state import ROW_STATE_PREFIX
from tests.pipeline.verify.edits import (
    DAY,
    INDEX,
    LEDGER,
    SESSIONS,
    SHARD,
    Forgery,
    by_consent,
    certificate,
    chmod,
    current,
    dropped_row,
    erasure,
    file_removed,
    latest,
    manifest,
    message,
    moved_row,
    not_the_parent,
    other_schema,
    other_text,
    quarantine,
    raw,
    reason,
    refused_becomes_eligible,
    report,
    rewritten,
    row,
    rows,
    second_quarantine_line,
    swapped,
    symlinked,
    tombstone,
    without,
)
from tests.support.forging import Dataset

CATALOG = [
    Forgery("current-counts-other-rows", "catalog", current(lambda t: t["versions"][0].update(rows=1))),
    Forgery("current-has-another-digest", "catalog", current(lambda t: t["versions"][0].update(manifest_sha256="0" * 64))),
    Forgery("current-has-another-kind", "catalog", current(lambda t: t.update(kind="audit"))),
    Forgery("current-has-an-unknown-field", "catalog", current(lambda t: t.update(note="x"))),
    Forgery("current-renumbers", "catalog", current(lambda t: (t.update(version=2), t["versions"][0].update(version=2)))),
    Forgery("current-lists-an-erasure-that-is-not", "catalog", current(lambda t: t.update(erased=["0001-abcdef"]))),
    Forgery("current-is-garbage", "catalog", lambda d: d.put("CURRENT", b"\0{")),
    Forgery("current-forgets-an-erasure", "catalog", current(lambda t: t["erased"].pop(0)), True),
    Forgery("current-goes-back", "catalog", current(lambda t: t.update(version=1, folder=t["versions"][0]["folder"])), True),
    Forgery("a-version-disappears-from-the-middle", "catalog", current(lambda t: t["versions"][0].update(version=0)), True),
    Forgery("manifest-of-another-version", "catalog", manifest(lambda t: t.update(dataset_version=2))),
    Forgery("manifest-has-another-parent", "catalog", manifest(not_the_parent), True),
    Forgery("manifest-has-no-parent", "catalog", manifest(lambda t: t.update(parent=None)), True),
    Forgery("first-version-has-a-parent", "catalog", manifest(lambda t: t.update(parent={"version": 0, "digest": "0" * 64}))),
    Forgery("manifest-erased-more", "catalog", manifest(lambda t: t["erased"].update(ledger_rows=t["erased"]["ledger_rows"] + 1)), True),
    Forgery("certificate-is-missing", "catalog", lambda d: (d.root / f"erasures/{d.current['erased'][0]}.json").unlink(), True),
    Forgery("certificate-found-a-key", "catalog", certificate(lambda t: t["scan"].update(found=1)), True),
    Forgery("certificate-has-no-scan", "catalog", certificate(lambda t: t.update(scan=None)), True),
    Forgery("certificate-of-other-keys", "catalog", certificate(lambda t: t["asked"].update(users=5)), True),
    Forgery("certificate-has-a-note", "catalog", certificate(lambda t: t.update(note="x")), True),
    Forgery("certificate-removed-other-rows", "catalog", certificate(lambda t: t["versions"][0].update(training_rows=0)), True),
    Forgery("tombstones-are-emptied", "catalog", erasure("keys", lambda _: b""), True),
    Forgery("tombstones-are-garbage", "catalog", erasure("keys", lambda data: data + b"x"), True),
]  # fmt: skip
MANIFEST = [
    Forgery("digest-does-not-fit", "manifest", lambda d: d.set_manifest(lambda t: t.update(kind="ran"), digest=False)),
    Forgery("manifest-has-an-unknown-field", "manifest", lambda d: d.put_manifest(
        (d.folder / "manifest.json").read_bytes().replace(b"{", b'{"note": "x",', 1))),
    Forgery("manifest-repeats-a-field", "manifest", lambda d: d.put_manifest(
        (d.folder / "manifest.json").read_bytes().replace(b'"kind"', b'"kind": "audit", "kind"', 1))),
    Forgery("manifest-is-missing", "manifest", without("manifest.json")),
    Forgery("manifest-is-garbage", "manifest", lambda d: d.put_manifest(b"[" * 100_000)),
    Forgery("manifest-has-wrong-types", "manifest", manifest(lambda t: t.update(counts=[]))),
    Forgery("manifest-has-huge-numbers", "manifest", manifest(lambda t: t["counts"].update(sessions=10**40))),
    Forgery("known-until-is-after-as-of", "manifest", manifest(lambda t: t.update(known_until="2030-01-01T00:00:00Z"))),
    Forgery("as-of-is-not-the-argument", "manifest", manifest(lambda t: t.update(as_of="2026-03-02T00:00:00Z"))),
    Forgery("as-of-is-no-time", "manifest", manifest(lambda t: t.update(as_of="yesterday"))),
    Forgery("policy-is-another", "manifest", manifest(lambda t: t["policy"]["pack"].update(prior_contributions="keep"))),
    Forgery("policy-is-no-policy", "manifest", manifest(lambda t: t["policy"].update(pack=None))),
    Forgery("policy-has-another-name", "manifest", manifest(lambda t: t["policy"].update(id="other"))),
    Forgery("counts-do-not-add-up", "manifest", manifest(lambda t: t["counts"]["reasons"].update(eligible=1))),
    Forgery("a-count-is-negative", "manifest", manifest(lambda t: t["counts"].update(dropped_blocks=-1))),
    Forgery("fewer-records-than-rows", "manifest", manifest(lambda t: t["counts"].update(records=1))),
    Forgery("another-format", "manifest", manifest(lambda t: t.update(format_version=3))),
    Forgery("no-snapshot", "manifest", manifest(lambda t: t.update(snapshots=[]))),
]  # fmt: skip
FILES = [
    Forgery("a-byte-of-a-shard-flips", "files", lambda d: d.put_in(d.part(SHARD), (d.folder / d.part(SHARD)).read_bytes()[:-1] + b"x")),
    Forgery("a-shard-is-short", "files", lambda d: d.put_in(d.part(SHARD), (d.folder / d.part(SHARD)).read_bytes()[:-1])),
    Forgery("a-shard-is-missing", "files", lambda d: (d.folder / d.part(SHARD)).unlink()),
    Forgery("a-shard-is-not-listed", "files", raw("data/train-00004-of-00005.parquet", b"")),
    Forgery("a-shard-is-removed-and-not-listed", "files", file_removed),
    Forgery("a-temporary-file", "files", raw("data/.tmp-x", b"")),
    Forgery("a-folder", "files", lambda d: (d.folder / "staging").mkdir()),
    Forgery("a-link-for-a-shard", "files", symlinked),
    Forgery("a-folder-for-a-shard", "files", lambda d: ((d.folder / d.part(SHARD)).unlink(), (d.folder / d.part(SHARD)).mkdir())),
    Forgery("a-pipe-for-a-shard", "files", lambda d: ((d.folder / d.part(SHARD)).unlink(), os.mkfifo(d.folder / d.part(SHARD)))),
    Forgery("a-shard-that-all-can-read", "files", lambda d: chmod(d.part(SHARD), 0o644)(d)),
    Forgery("restricted-that-the-group-can-read", "files", lambda d: chmod(d.part(INDEX), 0o640)(d)),
    Forgery("a-restricted-folder-that-is-open", "files", chmod("restricted", 0o755)),
    Forgery("a-file-listed-twice", "files", manifest(lambda t: t["files"].append(t["files"][0]))),
    Forgery("a-path-that-leads-out", "files", manifest(lambda t: t["files"][0].update(path="../CURRENT"))),
    Forgery("a-path-with-nul", "files", manifest(lambda t: t["files"][0].update(path="a\0b"))),
    Forgery("a-path-from-the-root", "files", manifest(lambda t: t["files"][0].update(path="/etc/passwd"))),
    Forgery("the-card-is-not-listed", "files", manifest(lambda t: t["files"].pop(0))),
    Forgery("a-file-beside-the-versions", "files", lambda d: d.put("notes.txt", b"")),
    Forgery("a-folder-beside-the-versions", "files", lambda d: (d.root / "data").mkdir()),
    Forgery("a-version-that-is-not-listed", "files", lambda d: (d.root / "v0009-abcdef").mkdir()),
    Forgery("latest-points-elsewhere", "files", latest("/tmp")),  # noqa: S108
    Forgery("latest-points-at-an-old-version", "files", lambda d: latest(d.current["versions"][0]["folder"])(d), True),
    Forgery("an-erasure-that-is-not-listed", "files", lambda d: ((d.root / "erasures").mkdir(), d.put("erasures/0001-abcdef.keys", b""))),
    Forgery("a-claim-that-is-none", "files", lambda d: ((d.root / "claims").mkdir(), d.put("claims/0002", b"{}"))),
]  # fmt: skip
SCHEMA = [
    Forgery("a-shard-of-another-schema", "schema", other_schema),
    Forgery("a-shard-without-a-column", "schema", rewritten(lambda t: t.drop_columns(["turns"]))),
    Forgery("a-shard-with-one-more-column", "schema", rewritten(lambda t: t.append_column("note", pa.nulls(t.num_rows, pa.string())))),
    Forgery("a-shard-with-metadata", "schema", rewritten(lambda t: t.replace_schema_metadata({"note": "x"}))),
    Forgery("an-empty-file-for-a-shard", "schema", lambda d: d.put_listed(d.part(SHARD), b"", 0)),
    Forgery("text-for-a-shard", "schema", lambda d: d.put_listed(d.part(SHARD), b"\0" * 4_096)),
    Forgery("half-a-shard", "schema", lambda d: d.put_listed(d.part(SHARD), (d.folder / d.part(SHARD)).read_bytes()[:9_000])),
    Forgery("a-ledger-of-another-schema", "schema", lambda d: d.put_listed(d.part(LEDGER), (d.folder / d.part(INDEX)).read_bytes())),
    Forgery("rows-that-the-manifest-does-not-count", "schema", manifest(lambda t: next(f for f in t["files"] if f["path"].startswith(SHARD)).update(rows=1))),
    Forgery("quarantine-with-a-text", "schema", quarantine(lambda t: t.update(text="x"))),
    Forgery("quarantine-without-a-digest", "schema", quarantine(lambda t: t.pop("digest"))),
    Forgery("quarantine-with-wrong-types", "schema", quarantine(lambda t: t.update(byte_length="many"))),
    Forgery("quarantine-of-garbage", "schema", lambda d: d.put_listed(d.part("quarantine/"), b"\xff\0\n" * 9)),
]  # fmt: skip
LEDGER_ROWS = [
    Forgery("another-policy", "ledger", row(LEDGER, policy_id="other")),
    Forgery("another-policy-digest", "ledger", row(LEDGER, policy_sha256="0" * 64)),
    Forgery("another-as-of", "ledger", row(LEDGER, as_of=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))),
    Forgery("another-known-until", "ledger", row(LEDGER, known_until=None)),
    Forgery("decision-is-not-the-reasons", "ledger", row(LEDGER, reason("opted_out"), decision="eligible")),
    Forgery("another-clause", "ledger", row(LEDGER, reason("opted_out"), clause="scope")),
    Forgery("another-reason", "ledger", row(LEDGER, reason("opted_out"), reason="undecided", clause="decision")),
    Forgery("a-reason-that-is-none", "ledger", row(LEDGER, reason("opted_out"), reason="fine", decision="quarantined", clause=None)),
    Forgery("a-basis-of-the-excluded", "ledger", row(LEDGER, reason("opted_out"), basis="user_consent")),
    Forgery("no-basis-of-the-eligible", "ledger", row(LEDGER, reason("eligible"), basis=None)),
    Forgery("an-excluded-tier-is-eligible", "ledger", row(LEDGER, by_consent, tier="enterprise")),
    Forgery("an-included-tier-is-excluded", "ledger", row(LEDGER, reason("tier_excluded"), tier="free")),
    Forgery("a-tier-that-no-policy-has", "ledger", row(LEDGER, reason("eligible"), tier="someone@example.com")),
    Forgery("more-kept-than-seen", "ledger", row(LEDGER, reason("eligible"), messages_seen=1)),
    Forgery("the-excluded-keep-messages", "ledger", row(LEDGER, reason("opted_out"), messages_kept=1)),
    Forgery("another-number-of-messages", "ledger", row(LEDGER, reason("eligible"), messages_kept=1)),
    Forgery("retention-is-not-the-policys", "ledger", row(LEDGER, reason("eligible"), retain_until=dt.date(2099, 1, 1))),
    Forgery("active-after-as-of", "ledger", row(LEDGER, reason("eligible"), last_active_on=dt.date(2027, 1, 1), retain_until=dt.date(2032, 1, 1))),
    Forgery("no-dates", "ledger", row(LEDGER, reason("opted_out"), last_active_on=None)),
    Forgery("a-row-is-missing", "ledger", lambda d: (rows(LEDGER, lambda found: found[1:])(d), rows(SESSIONS, lambda found: found[1:])(d))),
    Forgery("rows-out-of-order", "ledger", lambda d: (rows(LEDGER, lambda found: found[::-1])(d), rows(SESSIONS, lambda found: found[::-1])(d))),
    Forgery("a-conversation-twice", "ledger", rows(LEDGER, lambda found: [found[0], *found])),
    Forgery("a-key-that-is-none", "ledger", row(LEDGER, conversation_key="someone@example.com")),
    Forgery("no-key", "ledger", rows(LEDGER, lambda found: [one for one in found if one["decision"] != "eligible"][-1].update(conversation_key=None))),
    Forgery("an-erased-conversation-is-there", "ledger", tombstone("conversation_key", "conversation"), True),
    Forgery("quarantine-lines-are-more", "ledger", second_quarantine_line),
    Forgery("quarantine-has-another-code", "ledger", quarantine(lambda t: t.update(code="bad_json"))),
]  # fmt: skip
ROWS = [
    Forgery("a-refused-session-becomes-eligible", "rows", refused_becomes_eligible),
    Forgery("a-row-is-dropped", "rows", dropped_row),
    Forgery("a-row-is-moved", "rows", moved_row),
    Forgery("a-row-is-doubled", "rows", rows(SHARD, lambda found: [found[0], *found])),
    Forgery("shard-out-of-order", "rows", rows(SHARD, lambda found: found[::-1])),
    Forgery("row-of-another-surface", "rows", swapped("surface")),
    Forgery("row-of-another-tier", "rows", swapped("tier")),
    Forgery("row-of-another-basis", "rows", row(SHARD, by_consent, basis="separate_authorization")),
    Forgery("row-of-another-policy", "rows", row(SHARD, policy_id="other")),
    Forgery("row-started-earlier", "rows", row(SHARD, started_on=dt.date(2020, 1, 1))),
    Forgery("row-active-later", "rows", rows(SHARD, lambda found: found[0].update(last_active_on=found[0]["last_active_on"] + DAY))),
    Forgery("row-held-longer", "rows", rows(SHARD, lambda found: found[0].update(retain_until=found[0]["retain_until"] + DAY))),
    Forgery("row-held-for-ever", "rows", row(SHARD, retain_until=None)),
    Forgery("row-of-another-user", "rows", swapped("user_key")),
    Forgery("another-number-of-turns", "rows", row(SHARD, turns=99)),
    Forgery("a-role-that-is-none", "rows", message(lambda m: m.update(role="someone"))),
    Forgery("messages-removed", "rows", rows(SHARD, lambda found: found[0].update(messages=[], turns=0))),
    Forgery("messages-added", "rows", rows(SHARD, lambda found: found[0]["messages"].extend([found[0]["messages"][1]] * 9))),
    Forgery("tool-calls-that-are-not-json", "rows", message(lambda m: m.update(tool_calls="{"))),
    Forgery("tool-calls-that-nest-deeply", "rows", message(lambda m: m.update(tool_calls="[" * 100_000))),
    Forgery("tool-calls-of-another-form", "rows", message(lambda m: m.update(tool_calls='[{"id":1}]'))),
    Forgery("entities-uncounted", "rows", rows(SHARD, lambda found: next(r for r in found if r["entities"]).update(entities=[]))),
    Forgery("entities-with-a-text", "rows", rows(SHARD, lambda found: found[0].update(entities=[{"key": "John Doe", "value": 1}]))),
    Forgery("a-language-that-is-a-text", "rows", row(SHARD, language="John Doe")),
    Forgery("manifest-replaced-more", "rows", manifest(lambda t: t["entities"].update(PERSON=1))),
    Forgery("manifest-wrote-more", "rows", manifest(lambda t: t["counts"].update(training_rows=t["counts"]["training_rows"] + 1)), True),
]  # fmt: skip
INDEX_ROWS = [
    Forgery("state-lacks-a-row", "index", rows(ROW_STATE_PREFIX, lambda found: found[1:])),
    Forgery("state-has-a-row-twice", "index", rows(ROW_STATE_PREFIX, lambda found: [found[0], *found])),
    Forgery("state-out-of-order", "index", rows(ROW_STATE_PREFIX, lambda found: found[::-1])),
    Forgery("state-of-a-session-that-is-not", "index", row(ROW_STATE_PREFIX, conversation_key=b"\0" * 16)),
    Forgery("state-refuses-what-is-written", "index", row(ROW_STATE_PREFIX, lambda one: one["refusal"] is None, refusal="pii_density")),
    Forgery("state-of-a-negative-number", "index", row(ROW_STATE_PREFIX, characters=-1)),
    Forgery("state-without-a-digest", "index", row(ROW_STATE_PREFIX, text_digest=None)),
    Forgery("state-lacks-a-fact", "index", rows("restricted/state/facts-", lambda found: found[1:])),
    Forgery("state-has-a-fact-of-no-session", "index", row("restricted/state/facts-", conversation_key=b"\1" * 16)),
    Forgery("state-counts-more-facts", "index", row("restricted/state/units-", sessions=10**6)),
    Forgery("index-of-another-row", "index", row(INDEX, row=5)),
    Forgery("index-of-another-shard", "index", row(INDEX, shard=5)),
    Forgery("index-of-another-user", "index", row(INDEX, user_key="0" * 32)),
    Forgery("index-lacks-a-row", "index", rows(INDEX, lambda found: found[:-1])),
    Forgery("sessions-lack-a-row", "index", rows(SESSIONS, lambda found: found[:-1])),
    Forgery("sessions-have-no-user", "index", rows(SESSIONS, lambda found: [one.update(user_key=None) for one in found] and None)),
    Forgery("an-erased-user-is-there", "index", tombstone("user_key", "user"), True),
    Forgery("sessions-have-an-id", "index", row(SESSIONS, user_key="someone@example.com")),
    Forgery("a-further-id-is-no-key", "index", row(SESSIONS, names=["someone@example.com"])),
    Forgery("further-ids-out-of-order", "index", row(SESSIONS, names=["f" * 32, "0" * 32])),
    Forgery("further-ids-are-an-empty-list", "index", row(SESSIONS, names=[])),
]  # fmt: skip
REPORT = [
    Forgery("report-has-other-counts", "report", report(lambda t: t["counts"].update(records=1))),
    Forgery("report-of-another-moment", "report", report(lambda t: t.update(as_of="2020-01-01T00:00:00Z"))),
    Forgery("report-of-another-kind", "report", report(lambda t: t.update(kind="audit"))),
    Forgery("report-of-another-policy", "report", report(lambda t: t["policy"].update(sha256="0" * 64))),
    Forgery("report-tells-another-clause", "report", report(lambda t: t["policy"]["clauses"].update({"opt-out": "x"}))),
    Forgery("report-gives-another-reason", "report", report(lambda t: t["reasons"][0].update(sessions=1))),
    Forgery("report-has-another-cube", "report", report(lambda t: t["cube"]["rows"].pop())),
    Forgery("report-has-another-funnel", "report", report(lambda t: t["funnel"][3].update(dropped=99))),
    Forgery("report-has-other-months", "report", report(lambda t: t["by_month"].pop())),
    Forgery("report-has-other-shards", "report", report(lambda t: t["shards"]["files"][0].update(rows=0))),
    Forgery("report-has-other-entities", "report", report(lambda t: t["entities"].update(PERSON=1))),
    Forgery("report-has-other-languages", "report", report(lambda t: t["by_language"][0].update(rows=1))),
    Forgery("report-of-refused-users", "report", report(lambda t: t["consent"]["refused_eligible"].update(unexplained=3))),
    Forgery("report-is-garbage", "report", lambda d: d.put_listed("report/report.json", b"[1e999")),
    Forgery("report-with-wrong-types", "report", lambda d: d.put_listed("report/report.json", b'{"counts": 1}')),
    Forgery("page-of-another-report", "report", lambda d: d.put_listed("report/report.html", b"<p>All is well.</p>")),
    Forgery("card-of-another-dataset", "report", lambda d: d.put_listed("README.md", b"# All is well\n")),
]  # fmt: skip
RESIDUAL = [
    Forgery("an-address-in-a-text", "residual", message(lambda m: m.update(content=m["content"] + " to ann@example.com"))),
    Forgery("an-address-in-a-thought", "residual", message(lambda m: m.update(thinking="to ann@example.com"))),
    Forgery("an-address-for-a-name", "residual", rows(SHARD, lambda found: next(
        m for one in found for m in one["messages"] if m["role"] == "tool").update(name="ann@example.com"))),
]  # fmt: skip

FORGERIES = [*CATALOG, *MANIFEST, *FILES, *SCHEMA, *LEDGER_ROWS, *ROWS, *INDEX_ROWS, *REPORT, *RESIDUAL]

#: What contradicts nothing: only the HMAC tells, and only who has the key.
SEALED = [
    Forgery("another-deid-config", "manifest", manifest(lambda t: t["deid"].update(sha256="0" * 64))),
    Forgery("another-package", "manifest", manifest(lambda t: t["packages"].update(numpy="0"))),
    Forgery("another-digest-of-an-input", "manifest", manifest(lambda t: t["inputs"][0].update(sha256="0" * 64))),
    Forgery("another-digest-of-a-snapshot", "manifest", manifest(lambda t: t["snapshots"][0].update(sha256="0" * 64))),
    Forgery("another-key-id", "manifest", manifest(lambda t: t.update(key_id="0" * 16))),
    Forgery("another-argument", "manifest", manifest(lambda t: t["arguments"].update(deid="deid/weak.yaml"))),
    Forgery("another-text", "manifest", other_text),
    Forgery("an-older-version-is-changed", "manifest", lambda d: older(d), True),
]  # fmt: skip


def older(d: Dataset) -> None:
    """Changes the manifest of the first version."""
    held = d.current
    d.set_current(lambda t: t.update(folder=t["versions"][0]["folder"]))
    d.set_manifest(lambda t: t["packages"].update(numpy="0"))
    d.set_current(lambda t: t.update(folder=held["folder"]))
