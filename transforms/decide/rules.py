"""Decides every session: the rules of docs/reference/policy.md, in order, over whole arrays."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.decisions import Reason, RecordFault
from schemas.policy import Policy
from schemas.tables import DECISIONS, HUMAN, REFUSED, UNDECIDED
from transforms.consent.timelines import States, Timelines
from transforms.decide.branches import Branches, main_branches, thread_branches
from transforms.decide.coverage import covered
from transforms.decide.kept_messages import apply_consent, apply_consent_to_threads, has_exchange
from transforms.decide.labels import Labels, deciding_labels
from transforms.decide.merge import Sessions, merge
from transforms.decide.retention import ends_of
from transforms.decide.verdicts import Verdicts, decisions_table
from transforms.shuffle.instants import NEVER, Bools, Ints, column_micros, filled, later, micros

Rule = tuple[str, npt.NDArray[np.bool_]]


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
    """DECISIONS, exactly one row per (user_key, conversation_key), sorted by (conversation_key, user_key).

    `facts` is FACTS with all records of its users, `consent` CONSENT, `user_deletions` DELETIONS by user key,
    `authorizations` AUTHORIZATIONS; the order of rows has no effect. The reason is the first rule that fires:
    `future_timestamp`, `cyclic_messages` (parent links form a cycle, so there is no active branch), then
    rules 1 to 14, else `eligible`. Rules that need rows of other users (`subject_conflict`, deleted
    conversations) or text (rule 15) are applied by later stages.
    """
    if not facts.num_rows:
        return DECISIONS.empty_table()
    inputs = DecisionInputs(consent, user_deletions, authorizations, as_of, known_until)
    return judge(merge(facts), inputs, policy).table()


@dataclasses.dataclass(frozen=True)
class DecisionInputs:
    """The inputs of decisions besides sessions and policy (see `decide`)."""

    consent: pa.Table
    user_deletions: pa.Table
    authorizations: pa.Table
    as_of: dt.datetime
    known_until: dt.datetime | None


@dataclasses.dataclass(frozen=True)
class Judgement:
    """The verdicts and every intermediate result; `chatsieve explain` shows them.

    `rules` are all rules in order, each with one truth value per session. `main` are the active branches of
    the main threads. `own` is the state at the instant of each of their messages, `state` the worse of that
    and the state of its prompt.
    """

    sessions: Sessions
    subject: Subjects
    scope: Scope
    rules: list[Rule]
    main: Branches
    own: States
    state: States
    verdicts: Verdicts

    def table(self, pointers: bool = True) -> pa.Table:
        """DECISIONS of the sessions; without `pointers`, `records` and `kept` are empty."""
        return decisions_table(self.sessions, self.verdicts, pointers)


def judge(sessions: Sessions, inputs: DecisionInputs, policy: Policy) -> Judgement:
    """Applies one policy to merged sessions (at least one). The merge can be reused for several policies."""
    subject = _subjects(sessions, inputs.consent, policy, inputs.as_of)
    scope = _scope(sessions, inputs.authorizations, policy)
    consent = _consent_result(sessions, subject, scope.authorized, policy)
    last_active = _last_activity(sessions)
    retain_until = ends_of(last_active, policy.retention.granted)
    held_as_refused = (subject.now == REFUSED) & ~scope.authorized
    refused_end = ends_of(last_active, policy.retention.refused)
    row_retain_until = np.where(held_as_refused, refused_end, retain_until)
    late = sessions.messages.sent_at > micros(later(inputs.as_of, policy.clock_skew))
    rules: list[Rule] = [
        (RecordFault.FUTURE_TIMESTAMP, _any_message(sessions, late)),
        (RecordFault.CYCLIC_MESSAGES, consent.main.cyclic),
        (Reason.DELETED, _deleted(sessions, inputs.user_deletions, inputs.as_of)),
        (Reason.INCOGNITO, _incognito(sessions)),
        (Reason.NO_SUBJECT, (subject.user < 0) & ~scope.authorized),
        *scope.rules,
        *_now_rules(subject, scope.authorized, policy),
        (Reason.CONSENT_UNKNOWN, _after_known(sessions, inputs.known_until) & ~scope.authorized),
        *consent.rules,
        (Reason.RETENTION_EXPIRED, row_retain_until <= micros(inputs.as_of)),
        (Reason.NO_EXCHANGE, ~consent.exchange),
    ]
    rule = np.full(len(sessions), len(rules))
    for number, (_, fires) in reversed(list(enumerate(rules))):
        rule[fires] = number
    verdicts = Verdicts(
        rule=rule,
        reasons=[*(str(reason) for reason, _ in rules), str(Reason.ELIGIBLE)],
        authorized=scope.authorized,
        tier=scope.tier.value,
        surface=scope.surface.value,
        last_active=last_active,
        retain_until=retain_until,
        row_retain_until=row_retain_until,
        kept=consent.kept,
    )
    return Judgement(sessions, subject, scope, rules, consent.main, consent.own, consent.state, verdicts)


@dataclasses.dataclass(frozen=True)
class Subjects:
    """The subject of each session: `user` is a position in the timelines, else -1; `now` its state."""

    timelines: Timelines
    user: Ints
    now: States
    in_snapshot: Bools


@dataclasses.dataclass(frozen=True)
class Scope:
    """Tier, surface and authorisation of each session, and rules 4 and 5."""

    tier: Labels
    surface: Labels
    authorized: Bools

    @property
    def rules(self) -> list[Rule]:
        return [
            (Reason.TIER_UNKNOWN, self.tier.unknown),
            (Reason.SURFACE_UNKNOWN, self.surface.unknown),
            (Reason.TIER_EXCLUDED, self.tier.excluded & ~self.authorized),
            (Reason.SURFACE_EXCLUDED, self.surface.excluded & ~self.authorized),
        ]


def _subjects(sessions: Sessions, consent: pa.Table, policy: Policy, as_of: dt.datetime) -> Subjects:
    keys = sessions.records["user_key"].take(pa.array(sessions.newest))
    users = pc.drop_null(pc.unique(keys))
    user = filled(pc.index_in(keys, value_set=users), -1)
    timelines = Timelines(users, consent, as_of=as_of, effective_at=policy.effective_at)
    now = timelines.states(user, np.full(len(user), micros(as_of)))
    in_snapshot = np.append(timelines.in_snapshot, False)[user]  # user -1: none
    return Subjects(timelines, user, now, in_snapshot)


def _scope(sessions: Sessions, authorizations: pa.Table, policy: Policy) -> Scope:
    tier = deciding_labels(sessions, "tier", policy.tiers.included, policy.tiers.excluded)
    surface = deciding_labels(sessions, "surface", policy.surfaces.included, policy.surfaces.excluded)
    authorized = tier.excluded | surface.excluded
    if policy.separate_authorization == "ignore":
        authorized = np.zeros(len(sessions), np.bool_)
    if authorized.any():
        authorized &= covered(
            sessions, surface.value.cast(pa.string()), authorizations, policy.surfaces.authorizable
        )
    return Scope(tier, surface, authorized)


def _now_rules(subject: Subjects, authorized: Bools, policy: Policy) -> list[Rule]:
    """Rules 6 to 8. An authorised session skips them, except that a refusal always excludes it."""
    refused = subject.now == REFUSED
    opted_out = refused if policy.prior_contributions == "exclude" else refused & authorized
    return [
        (Reason.NO_CONSENT_RECORD, ~subject.in_snapshot & ~authorized),
        (Reason.UNDECIDED, (subject.now == UNDECIDED) & ~authorized),
        (Reason.OPTED_OUT, opted_out),
    ]


@dataclasses.dataclass(frozen=True)
class _ConsentResult:
    """Rules 10 to 12; the kept messages, main thread first; the sessions that keep an exchange."""

    rules: list[Rule]
    kept: Ints
    exchange: Bools
    main: Branches
    own: States
    state: States


def _consent_result(
    sessions: Sessions, subject: Subjects, authorized: Bools, policy: Policy
) -> _ConsentResult:
    messages = sessions.messages
    main = main_branches(messages, sessions.current)
    own = _states(main, sessions, subject)
    # Under `prior_contributions: keep`, a user who refuses now contributes only what was granted.
    granted_only = (subject.now == REFUSED) | (policy.resumption_scope == "from_resumption")
    found = apply_consent(main, messages, own, policy, granted_only)
    kept = found.kept | authorized[main.session]
    rules: list[Rule] = [
        (Reason.NOT_RESUMED, found.any_human & ~found.granted_human & ~found.refused_human & ~authorized),
        (Reason.OPTED_OUT_THEN, ~found.granted_human & found.refused_human & ~authorized),
        (Reason.CONSENT_GAP, found.gap & ~authorized),
    ]
    exchange = has_exchange(main, messages, kept)
    chosen = main.message[kept]
    if policy.threads == "all":
        threads = thread_branches(messages, sessions.current)
        beside = apply_consent_to_threads(
            threads,
            main,
            kept,
            messages,
            _states(threads, sessions, subject),
            own,
            policy,
            granted_only,
        )
        beside |= authorized[threads.session]
        chosen = np.concatenate([chosen, threads.message[beside]])
    return _ConsentResult(rules, chosen, exchange, main, own, found.state)


def _states(branches: Branches, sessions: Sessions, subject: Subjects) -> States:
    return subject.timelines.states(
        subject.user[branches.session], sessions.messages.sent_at[branches.message]
    )


def _deleted(sessions: Sessions, user_deletions: pa.Table, as_of: dt.datetime) -> Bools:
    """True if a record or the user was deleted by `as_of`. A user deletion without a time counts."""
    moment = micros(as_of)
    deleted_at = np.minimum.reduceat(column_micros(sessions.records["deleted_at"]), sessions.first)
    gone_at = column_micros(user_deletions["deleted_at"])
    gone = user_deletions["key"].filter(pa.array((gone_at <= moment) | (gone_at == NEVER)))
    users = pc.drop_null(gone).combine_chunks()
    keys = sessions.records["user_key"].take(pa.array(sessions.newest))
    by_user = pc.is_in(keys, value_set=users).to_numpy()
    deleted: Bools = (deleted_at <= moment) | by_user
    return deleted


def _incognito(sessions: Sessions) -> Bools:
    marked: Bools = np.maximum.reduceat(filled(sessions.records["incognito"], False), sessions.first) > 0
    return marked


def _after_known(sessions: Sessions, known_until: dt.datetime | None) -> Bools:
    """True if a human message, of any branch or thread, is later than `known_until`."""
    known = np.iinfo(np.int64).min if known_until is None else micros(known_until)
    human = (sessions.messages.flags & HUMAN) > 0
    return _any_message(sessions, human & (sessions.messages.sent_at > known))


def _last_activity(sessions: Sessions) -> Ints:
    """The newest `sent_at` of each session; without messages, `created_at` of its newest record."""
    messages = sessions.messages
    created = column_micros(sessions.records["created_at"])[sessions.newest]
    newest = np.full(len(sessions), np.iinfo(np.int64).min)
    np.maximum.at(newest, messages.session, messages.sent_at)
    return np.where(newest == np.iinfo(np.int64).min, created, newest)


def _any_message(sessions: Sessions, where: Bools) -> Bools:
    found = np.zeros(len(sessions), np.bool_)
    found[sessions.messages.session[where]] = True
    return found
