"""Events of people, operators and machines: consent, lists, erasure, settings, faults."""

from __future__ import annotations

import datetime as dt

from tests.prove.days.history import Event, History
from tests.prove.days.world import Chat, User, instant

_FAULTS = ("kill", "killed-after", "sigterm", "sigint", "eio", "enospc", "lost", "process")


def opt_out(history: History) -> None:
    """A user refuses."""
    _decide(history, "refused")


def opt_in(history: History) -> None:
    """A user agrees, perhaps again."""
    _decide(history, "granted")


def late_refusal(history: History) -> None:
    """A refusal of some hours becomes known late: fewer messages of an unchanged session are kept."""
    chat = history.pick("logs")
    if chat is not None and len(chat.messages) > 3:
        refuse_late(history, chat)


def refuse_late(history: History, chat: Chat) -> None:
    """The user of a session refused before its third message, and agreed again after the last one."""
    begin, end = (dt.datetime.fromisoformat(chat.messages[at]["sent_at"]) for at in (2, -1))
    second = dt.timedelta(seconds=1)
    decisions = [("refused", begin - second), ("granted", end + second)]
    history.world.late_decisions += [(chat.user, state, instant(at)) for state, at in decisions]


def undecided(history: History) -> None:
    """A user takes a decision back."""
    _decide(history, None)


def new_user(history: History) -> None:
    """Somebody signs up."""
    history.world.new_user()


def tier_change(history: History) -> None:
    """A user's tier changes; the records of later days have the new one."""
    user = _user(history)
    user.tier = history.rng.choice(["free", "pro", "max", "team"])
    user.organization = None if user.tier != "team" else f"{user.id}-org"


def authorised(history: History) -> None:
    """An organisation is authorised, on all surfaces or on one."""
    ids = sorted({user.organization for user in history.world.users if user.organization})
    if ids:
        begins = history.world.today - dt.timedelta(days=history.rng.randrange(30))
        surface = history.rng.choice(["", "chat", "code"])
        history.authorizations.append((history.rng.choice(ids), surface, instant(begins), "", "contract"))
        history.lists()


def authorisation_ended(history: History) -> None:
    """An authorisation is limited to the time before this day, or is struck out."""
    if history.authorizations:
        row = history.authorizations.pop(history.rng.randrange(len(history.authorizations)))
        if history.rng.random() < 0.6 and not row[3]:
            history.authorizations.append((*row[:3], instant(history.world.today), row[4]))
        history.lists()


def deleted_user(history: History) -> None:
    """The list of deletions gets a user."""
    history.deletions.append(("user", _user(history).id, instant(history.world.moment())))
    history.lists()


def deleted_conversation(history: History) -> None:
    """The list of deletions gets a conversation."""
    place = history.rng.choice(["logs", "logs", "code", "chatgpt"])
    if (chat := history.pick(place)) is not None:
        history.deletions.append(("conversation", chat.id, instant(history.world.moment())))
        history.lists()


def forget_user(history: History) -> None:
    """A user is erased from all versions; the logs still hold the records."""
    history.commands.append(("forget", "--user", _user(history).id))


def forget_conversation(history: History) -> None:
    """A conversation is erased from all versions."""
    place = history.rng.choice(["logs", "logs", "logs", "code", "claude"])
    if (chat := history.pick(place)) is not None:
        history.commands.append(("forget", "--conversation", chat.id))


def expire(history: History) -> None:
    """Rows past their retention are removed from all versions."""
    at = history.as_of + dt.timedelta(days=history.rng.randrange(-2, 3))
    history.commands.append(("expire", "--as-of", instant(at)))


def gc(history: History) -> None:
    """Old versions are removed."""
    history.commands.append(("gc", "--keep", str(history.rng.randrange(1, 4))))


def policy_change(history: History) -> None:
    """The runs decide by another policy from now on."""
    history.settings["policy"] = f"policies/{history.rng.choice('abc')}.yaml"


def deid_change(history: History) -> None:
    """Personal values are replaced otherwise from now on."""
    history.settings["deid"] = history.rng.choice(["default", "realistic.yaml"])


def shards_change(history: History) -> None:
    """The rows are spread over another number of files from now on."""
    history.settings["output.shards"] = str(history.rng.randrange(1, 5))


def no_snapshot(history: History) -> None:
    """The snapshot of the day is not delivered."""
    history.has_snapshot = False


def missed(history: History) -> None:
    """Nothing runs on this day."""
    history.is_missed = True


def disturbed(history: History) -> None:
    """A run fails or is killed at some operation, perhaps twice, before one succeeds."""
    for _ in range(history.rng.randrange(1, 3)):
        history.faults.append((history.rng.random(), history.rng.choice(_FAULTS)))


def _user(history: History) -> User:
    return history.rng.choice(history.world.users)


def _decide(history: History, state: str | None) -> None:
    user = _user(history)
    user.state, user.decided_at = state, history.world.moment()


#: With their weights.
EVENTS: dict[Event, float] = {
    opt_out: 2,
    opt_in: 2.5,
    late_refusal: 1.5,
    undecided: 0.5,
    new_user: 1,
    tier_change: 0.7,
    authorised: 0.7,
    authorisation_ended: 0.4,
    deleted_user: 0.3,
    deleted_conversation: 0.5,
    forget_user: 0.3,
    forget_conversation: 0.7,
    expire: 0.6,
    gc: 0.8,
    policy_change: 0.4,
    deid_change: 0.3,
    shards_change: 0.4,
    no_snapshot: 0.8,
    missed: 0.8,
    disturbed: 1.2,
}
