"""Explains with one sentence per rule why it fires, or does not fire, for a session."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pyarrow.compute as pc

from schemas.decisions import Reason, RecordFault
from schemas.policy import iso_duration
from schemas.tables import ANSWER, GRANTED, HUMAN, REFUSED, UNDECIDED
from transforms.consent.snapshots import ERASED_AT
from transforms.decide.explain.world import World
from transforms.decide.rules import Judgement
from transforms.shuffle.instants import Ints, instant_text, moment_text

STATE_WORDS = {GRANTED: "granted", UNDECIDED: "undecided", REFUSED: "refused"}


@dataclasses.dataclass(frozen=True)
class RuleSentences:
    """The sentences about the session at `number` of a judgement."""

    world: World
    judged: Judgement
    number: int
    sessions_of_conversation: int

    def of(self, reason: str) -> str:
        """Why the rule with this reason fires or does not fire."""
        authorized = self._authorized and reason in _SKIPPED
        sentence: str = getattr(self, f"_{reason}")()
        return f"skipped, the session has a separate authorisation; {sentence}" if authorized else sentence

    @property
    def _authorized(self) -> bool:
        return bool(self.judged.scope.authorized[self.number])

    @property
    def _user(self) -> int:
        return int(self.judged.subject.user[self.number])

    @property
    def _now(self) -> int:
        return int(self.judged.subject.now[self.number])

    @property
    def _messages(self) -> Ints:
        return np.flatnonzero(self.judged.sessions.messages.session == self.number)

    @property
    def _branch(self) -> Ints:
        return np.flatnonzero(self.judged.main.session == self.number)

    def _future_timestamp(self) -> str:
        sent_at = self.judged.sessions.messages.sent_at[self._messages]
        if not len(sent_at):
            return "it has no messages"
        skew = iso_duration(self.world.policy.clock_skew)
        return f"its newest message was sent at {instant_text(sent_at.max())}; the limit is as_of + {skew}"

    def _cyclic_messages(self) -> str:
        cyclic = bool(self.judged.main.cyclic[self.number])
        return "its parent links form a cycle" if cyclic else "its parent links lead to a root"

    def _subject_conflict(self) -> str:
        count = self.sessions_of_conversation
        return "its records have one subject" if count == 1 else f"its records have {count} subjects"

    def _deleted(self) -> str:
        found = []
        for name, table in (
            (
                "the user",
                self.world.user_deletions.filter(pc.equal(self.world.user_deletions["key"], self._user_key)),
            ),
            ("the conversation", self.world.conversation_deletions),
        ):
            found += [
                f"{name} was erased from this dataset by `forget`"
                if at == ERASED_AT
                else f"{name} was deleted at {moment_text(at)}"
                for at in table["deleted_at"].to_pylist()
            ]
        own = self._records["deleted_at"].drop_null().to_pylist()
        found += [f"a record has the deletion time {moment_text(at)}" for at in own]
        return "; ".join(dict.fromkeys(found)) or "no deletion of it or of its user is known"

    def _incognito(self) -> str:
        marked = any(self._records["incognito"].to_pylist())
        return "a record marks it incognito" if marked else "no record marks it incognito"

    def _no_subject(self) -> str:
        return "its records have a user" if self._user >= 0 else f"no record has a user; {self._cover()}"

    def _tier_unknown(self) -> str:
        return self._label("tier")

    def _surface_unknown(self) -> str:
        return self._label("surface")

    def _tier_excluded(self) -> str:
        return self._excluded("tier")

    def _surface_excluded(self) -> str:
        return self._excluded("surface")

    def _no_consent_record(self) -> str:
        known = bool(self.judged.subject.in_snapshot[self.number])
        return "the user is in a known snapshot" if known else "the user is in no known snapshot"

    def _undecided(self) -> str:
        return f"the user's state at as_of is {STATE_WORDS[self._now]}"

    def _opted_out(self) -> str:
        kept = self.world.policy.prior_contributions
        return f"{self._undecided()}; prior_contributions is {kept}"

    def _consent_unknown(self) -> str:
        messages = self.judged.sessions.messages
        rows = self._messages
        humans = messages.sent_at[rows][(messages.flags[rows] & HUMAN) > 0]
        known = (
            "no snapshot is known"
            if self.world.known_until is None
            else f"consent is known until {moment_text(self.world.known_until)}"
        )
        newest = (
            f"the newest human message was sent at {instant_text(humans.max())}"
            if len(humans)
            else "it has no human message"
        )
        return f"{newest}; {known}"

    def _not_resumed(self) -> str:
        return self._humans()

    def _opted_out_then(self) -> str:
        return self._humans()

    def _consent_gap(self) -> str:
        branch = self._branch
        refused = branch[self.judged.state[branch] == REFUSED]
        if not len(refused):
            return "no message of the active branch is refused"
        sent_at = self.judged.sessions.messages.sent_at[self.judged.main.message[refused]]
        setting = self.world.policy.partial_consent
        return (
            f"{len(refused)} of {len(branch)} messages of the active branch are refused, "
            f"{instant_text(sent_at.min())} to {instant_text(sent_at.max())}; partial_consent is {setting}"
        )

    def _retention_expired(self) -> str:
        verdicts, retention = self.judged.verdicts, self.world.policy.retention
        refused = self._now == REFUSED and not self._authorized
        duration = iso_duration(retention.refused if refused else retention.granted)
        return (
            f"last active at {instant_text(verdicts.last_active[self.number])}, retention {duration}: "
            f"may be held until {instant_text(verdicts.row_retain_until[self.number])}"
        )

    def _no_exchange(self) -> str:
        sessions = self.judged.sessions
        kept = self.judged.verdicts.kept
        kept = kept[(sessions.messages.session[kept] == self.number) & (sessions.messages.thread[kept] == 0)]
        flags = sessions.messages.flags[kept]
        humans, answers = int(((flags & HUMAN) > 0).sum()), int(((flags & ANSWER) > 0).sum())
        return f"consent keeps {len(kept)} messages of the active branch: {humans} human, {answers} answers"

    @property
    def _records(self) -> Any:
        return self.judged.sessions.records.filter(self.judged.sessions.record_session == self.number)

    @property
    def _user_key(self) -> bytes | None:
        key: bytes | None = self._records["user_key"][0].as_py()
        return key

    def _label(self, name: str) -> str:
        labels, lists = getattr(self.judged.scope, name), getattr(self.world.policy, f"{name}s")
        if labels.unknown[self.number]:
            given = [
                value
                for value in self._records[name].to_pylist()
                if value not in (*lists.included, *lists.excluded)
            ]
            return f"a record has no {name}" if None in given else f"a record's {name} is in neither list"
        place = "excluded" if labels.excluded[self.number] else "included"
        return f"the {name} is {labels.value[self.number].as_py()}, which is {place}"

    def _excluded(self, name: str) -> str:
        labels = getattr(self.judged.scope, name)
        return f"{self._label(name)}; {self._cover()}" if labels.excluded[self.number] else self._label(name)

    def _cover(self) -> str:
        if self._authorized:
            return "one authorisation covers all messages"
        if self.world.policy.separate_authorization == "ignore":
            return "the policy ignores authorisations"
        if (
            self.judged.scope.surface.value[self.number].as_py()
            not in self.world.policy.surfaces.authorizable
        ):
            return "its surface cannot be authorised"
        return "no single authorisation covers all messages"

    def _humans(self) -> str:
        branch = self._branch
        human = (self.judged.sessions.messages.flags[self.judged.main.message[branch]] & HUMAN) > 0
        own = self.judged.own[branch][human]
        counts = ", ".join(f"{int((own == state).sum())} {word}" for state, word in STATE_WORDS.items())
        return f"human messages of the active branch by their state when sent: {counts}"


_SKIPPED = frozenset(
    {
        Reason.NO_CONSENT_RECORD,
        Reason.UNDECIDED,
        Reason.CONSENT_UNKNOWN,
        Reason.NOT_RESUMED,
        Reason.OPTED_OUT_THEN,
        Reason.CONSENT_GAP,
    }
)
#: The rules with a sentence here. The other rules depend on text.
EXPLAINED: frozenset[str] = frozenset({*(r for r in Reason if hasattr(RuleSentences, f"_{r}")), *RecordFault})
