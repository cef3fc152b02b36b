"""The decision rules of eligibility.md, over a bucket at once. Exactly one decision a session.

`decide` reads top-down as the table of rules does; the words it uses (branch, state, stretch) are made in
`merge`, `branches`, `timelines` and `kept`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.decisions import Basis, Reason, decision_of
from schemas.policy import Policy
from schemas.tables import DECISIONS, GRANTED, HUMAN, REFUSED, UNDECIDED
from transforms.authorized import covered
from transforms.branches import main_branches
from transforms.instants import NEVER, Ints, column_micros, filled, micros, utc_dates
from transforms.kept import branch_of, exchanged, stretch_of
from transforms.merge import Bools, Sessions, merge
from transforms.pointers import Kept, kept_messages, pointer_columns
from transforms.retention import ends_of
from transforms.timelines import States, Timelines

_KNOWN, _EXCLUDED, _UNKNOWN = 0, 1, 2


def decide(
    facts: pa.Table,
    consent: pa.Table,
    user_deletions: pa.Table,
    authorizations: pa.Table,
    *,
    policy: Policy,
    as_of: dt.datetime,
    known_until: dt.datetime | None,
) -> pa.Table:
    """DECISIONS of one bucket, one row a session, in order of (conversation_key, user_key).

    `facts` is FACTS of all records of the bucket's users, in any order; `consent` is CONSENT,
    `user_deletions` DELETIONS of user keys, `authorizations` AUTHORIZATIONS. Rules 0 to 14, but for what
    needs other buckets (a deleted conversation, a subject conflict) or the text.
    """
    sessions = merge(facts)
    count, messages = len(sessions), sessions.messages
    newest = sessions.records.take(pa.array(sessions.newest)).combine_chunks()
    subject = _subjects(newest, consent, policy, as_of)
    tier = _attribute(sessions, "tier", policy.tiers.included, policy.tiers.excluded)
    surface = _attribute(sessions, "surface", policy.surfaces.included, policy.surfaces.excluded)

    branches = main_branches(messages, sessions.current)
    owners = subject.user[branches.session]
    own = subject.timelines.states(owners, messages.sent_at[branches.message])
    branch = branch_of(sessions, branches, own)
    human_granted = _count(branch.session, branch.human & (branch.state == GRANTED), count) > 0
    human_refused = _count(branch.session, branch.human & (branch.state == REFUSED), count) > 0
    humans = _count(branch.session, branch.human, count) > 0

    excluded = (tier.kind == _EXCLUDED) | (surface.kind == _EXCLUDED)
    first, last = _bounds(branch.session, branch.sent_at, count)
    organizations = newest["organization_key"].combine_chunks()
    authorized = excluded & covered(
        authorizations, organizations, surface.values, first, last, policy.surfaces.authorizable
    )
    if policy.separate_authorization == "ignore":
        authorized[:] = False

    stretch = stretch_of(branch, count, policy)
    kept = stretch.kept | authorized[branch.session]
    activity = _activity(sessions, newest)
    granted_end = ends_of(activity, policy.retention.granted)
    refused_now = subject.now == REFUSED
    applied_end = np.where(refused_now, ends_of(activity, policy.retention.refused), granted_end)
    now = micros(as_of)
    late = _latest(messages.session, messages.sent_at, count) > micros(as_of + policy.clock_skew)
    is_human = (messages.flags & HUMAN) != 0
    last_human = _latest(messages.session[is_human], messages.sent_at[is_human], count)
    horizon = -NEVER if known_until is None else micros(known_until)
    asked = ~authorized

    fired: list[tuple[str, Bools]] = [
        ("cyclic_messages", branches.cyclic),
        ("future_timestamp", late),
        (Reason.DELETED, _deleted(sessions, newest, user_deletions, now)),
        (Reason.INCOGNITO, _any_record(sessions, filled(sessions.records["incognito"], False) != 0)),
        (Reason.NO_SUBJECT, (subject.user < 0) & asked),
        (Reason.TIER_UNKNOWN, tier.kind == _UNKNOWN),
        (Reason.SURFACE_UNKNOWN, surface.kind == _UNKNOWN),
        (Reason.TIER_EXCLUDED, (tier.kind == _EXCLUDED) & asked),
        (Reason.SURFACE_EXCLUDED, (surface.kind == _EXCLUDED) & asked),
        (Reason.NO_CONSENT_RECORD, ~subject.known & asked),
        (Reason.UNDECIDED, (subject.now == UNDECIDED) & asked),
        (Reason.OPTED_OUT, refused_now & (authorized | (policy.prior_contributions == "exclude"))),
        (Reason.CONSENT_UNKNOWN, (last_human > horizon) & asked),
        (Reason.NOT_RESUMED, humans & ~human_granted & ~human_refused & asked),
        (Reason.OPTED_OUT_THEN, ~human_granted & human_refused & asked),
        (Reason.CONSENT_GAP, stretch.gap & asked),
        (Reason.RETENTION_EXPIRED, applied_end <= now),
        (Reason.NO_EXCHANGE, ~exchanged(branch, kept, count)),
    ]
    reason = _first_reason(fired, count)
    eligible = reason == Reason.ELIGIBLE
    chosen = kept_messages(sessions, branch, kept, stretch, eligible, authorized, subject.states, policy)
    return _decisions(
        sessions, newest, tier, surface, reason, authorized, activity, granted_end, applied_end, chosen
    )


@dataclasses.dataclass(frozen=True)
class _Subjects:
    """`user` of each session (-1: none), whether in a snapshot, and the state at as_of."""

    user: Ints
    known: Bools
    now: States
    timelines: Timelines

    def states(self, session: Ints, instants: Ints) -> States:
        return self.timelines.states(self.user[session], instants)


@dataclasses.dataclass(frozen=True)
class _Attribute:
    """The value that decides of each session, and its kind: known, excluded or unknown."""

    values: pa.Array
    kind: Ints


def _subjects(newest: pa.Table, consent: pa.Table, policy: Policy, as_of: dt.datetime) -> _Subjects:
    keys = newest["user_key"].combine_chunks()
    users = pc.unique(keys.drop_null())
    user = filled(pc.index_in(keys, value_set=users), -1)
    timelines = Timelines(users, consent, as_of=as_of, effective_at=policy.effective_at)
    known = np.append(timelines.in_snapshot, False)[user]
    now = timelines.states(user, np.full(len(user), micros(as_of)))
    return _Subjects(user, known, now, timelines)


def _attribute(sessions: Sessions, name: str, included: list[str], excluded: list[str]) -> _Attribute:
    """The newest record's value, unless another record's is excluded or, worse, unknown."""
    column = sessions.records[name].combine_chunks()
    known = pc.is_in(column, value_set=pa.array(included, pa.string())).to_numpy(zero_copy_only=False)
    barred = pc.is_in(column, value_set=pa.array(excluded, pa.string())).to_numpy(zero_copy_only=False)
    # A value in both lists is excluded: the lists are the policy's, and doubt excludes.
    kind = np.where(barred, _EXCLUDED, np.where(known, _KNOWN, _UNKNOWN))
    order = np.lexsort((np.arange(len(kind)), kind, sessions.record_session))
    chosen = order[sessions.newest]
    shown = pc.if_else(
        pa.array(kind == _UNKNOWN) if len(kind) else pa.array([], pa.bool_()), "unknown", column
    )
    shown = pc.if_else(column.is_null(), pa.scalar(None, pa.string()), shown)
    return _Attribute(shown.take(pa.array(chosen)), kind[chosen])


def _deleted(sessions: Sessions, newest: pa.Table, user_deletions: pa.Table, now: int) -> Bools:
    own = _any_record(sessions, column_micros(sessions.records["deleted_at"]) <= now)
    past = user_deletions["key"].filter(
        pa.array(column_micros(user_deletions["deleted_at"]) <= now, pa.bool_())
    )
    users = pc.is_in(newest["user_key"].combine_chunks(), value_set=past.combine_chunks().drop_null())
    deleted: Bools = own | (users.to_numpy(zero_copy_only=False) & newest["user_key"].is_valid().to_numpy())
    return deleted


def _any_record(sessions: Sessions, record: Bools) -> Bools:
    found = np.zeros(len(sessions), np.bool_)
    found[sessions.record_session[record]] = True
    return found


def _activity(sessions: Sessions, newest: pa.Table) -> Ints:
    """The newest `sent_at` of all messages of each session, else its `created_at`."""
    latest = _latest(sessions.messages.session, sessions.messages.sent_at, len(sessions))
    return np.where(latest == -NEVER, column_micros(newest["created_at"]), latest)


def _latest(session: Ints, instants: Ints, count: int) -> Ints:
    latest = np.full(count, -NEVER)
    np.maximum.at(latest, session, instants)
    return latest


def _bounds(session: Ints, instants: Ints, count: int) -> tuple[Ints, Ints]:
    first = np.full(count, NEVER)
    np.minimum.at(first, session, instants)
    return first, _latest(session, instants, count)


def _count(session: Ints, which: Bools, count: int) -> Ints:
    return np.bincount(session[which], minlength=count)


def _first_reason(fired: list[tuple[str, Bools]], count: int) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    reason = np.full(count, str(Reason.ELIGIBLE), object)
    for name, where in reversed(fired):
        reason[where] = str(name)
    return reason


def _decisions(
    sessions: Sessions,
    newest: pa.Table,
    tier: _Attribute,
    surface: _Attribute,
    reason: np.ndarray[tuple[int], np.dtype[np.object_]],
    authorized: Bools,
    activity: Ints,
    granted_end: Ints,
    applied_end: Ints,
    chosen: Kept,
) -> pa.Table:
    count = len(sessions)
    eligible = reason == Reason.ELIGIBLE
    reasons = pa.array(reason, pa.string())
    words = {word: str(decision_of(word)) for word in set(reason.tolist())}
    basis = np.where(authorized, str(Basis.SEPARATE_AUTHORIZATION), str(Basis.USER_CONSENT))
    seen = np.bincount(sessions.messages.session, minlength=count)
    text = np.zeros(count, np.int64)
    np.add.at(text, sessions.record_session, filled(sessions.records["text_bytes"], 0))
    ends = utc_dates(np.where(authorized, granted_end, applied_end))
    records, kept = pointer_columns(sessions, chosen)
    columns = {
        "user_key": newest["user_key"],
        "conversation_key": newest["conversation_key"],
        "decision": pa.array([words[word] for word in reason], pa.string()),
        "reason": reasons,
        "basis": pa.array(basis, pa.string(), mask=~eligible),
        "tier": tier.values,
        "surface": surface.values,
        "created_on": utc_dates(column_micros(newest["created_at"])),
        "last_active_on": utc_dates(activity),
        "messages_seen": pa.array(seen.astype(np.int32)),
        "messages_kept": pa.array(np.bincount(chosen.session, minlength=count).astype(np.int32)),
        "retain_until": utc_dates(granted_end),
        "row_retain_until": pc.if_else(pa.array(eligible, pa.bool_()), ends, pa.scalar(None, pa.date32())),
        "text_bytes": pa.array(text),
        "records": records,
        "kept": kept,
    }
    table = pa.table([columns[name] for name in DECISIONS.names], schema=DECISIONS)
    return table.sort_by([("conversation_key", "ascending"), ("user_key", "ascending")])
