"""The users and sessions of a simulated history, and the texts that they write.

Every raw id, path, title and personal value contains MARK, so that one search finds any of them in an output.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from typing import Any

MARK = "qzxcanary"
#: The users of inputs whose records have none.
USER_OF_CODE, USER_OF_EXPORTS = f"{MARK}-user-of-code", f"{MARK}-user-of-exports"
FIRST = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
_WORDS = (
    "table index query release morning garden recipe travel music budget module server branch compare simple "
    "because however between evening report method answer letter number window corner market bridge winter "
    "summer planet engine signal library account package meeting project"
).split()
_OPENINGS = (
    "How do I compare",
    "Please explain",
    "Write a short note about",
    "What is the best way to sort",
    "The simplest approach is",
    "You can start with",
)
FRENCH = (
    "Je voudrais savoir comment organiser une grande réunion avec toute mon équipe la semaine prochaine, "
    "parce que nous devons préparer un long rapport sur les résultats de cette année et choisir ensemble la "
    "meilleure méthode. "
)


@dataclasses.dataclass
class User:
    """A user; `state` is that of the last consent decision, None for undecided."""

    id: str
    tier: str
    organization: str | None
    state: str | None = None
    decided_at: dt.datetime | None = None


@dataclasses.dataclass
class Chat:
    """A session: messages in the canonical form, in the order of their times."""

    id: str
    user: str
    tier: str
    surface: str
    organization: str | None
    created: dt.datetime
    incognito: bool = False
    messages: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def record(self, messages: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """A canonical record of the session, or of some of its messages."""
        return {
            "conversation_id": self.id,
            "user_id": self.user,
            "organization_id": self.organization,
            "tier": self.tier,
            "surface": self.surface,
            "created_at": instant(self.created),
            "incognito": self.incognito,
            "title": f"{MARK} title",
            "messages": [dict(each) for each in (self.messages if messages is None else messages)],
        }


def instant(moment: dt.datetime) -> str:
    """RFC 3339 in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class World:
    """All that exists. Every random choice comes from one generator, so a seed repeats a history."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"days {seed}")
        self.today = FIRST
        self.users: list[User] = []
        #: (user id, state, instant) of decisions between others, which snapshots have from some day on.
        self.late_decisions: list[tuple[str, str, str]] = []
        #: Sessions by where their records go: logs, code, chatgpt, claude.
        self.chats: dict[str, list[Chat]] = {"logs": [], "code": [], "chatgpt": [], "claude": []}
        for name in (USER_OF_CODE, USER_OF_EXPORTS):
            self.users.append(User(name, "pro", None, "granted", self.moment(12)))
        for _ in range(14):
            self.new_user()

    def name(self, kind: str) -> str:
        """A new raw id."""
        return f"{MARK}-{kind}-{self.rng.getrandbits(48):012x}"

    def moment(self, days_ago: int = 0) -> dt.datetime:
        """A second of this day, or of one before it."""
        return self.today - dt.timedelta(days=days_ago) + dt.timedelta(seconds=self.rng.randrange(86_400))

    def new_user(self) -> User:
        tier = self.rng.choice(["free"] * 4 + ["pro"] * 4 + ["max", "team", "unheard-of"])
        organization = f"{MARK}-org-{self.rng.randrange(3)}" if tier == "team" else None
        state = self.rng.choice(["granted"] * 6 + ["refused", None])
        decided = None if state is None else self.moment(self.rng.randrange(1, 12))
        user = User(self.name("user"), tier, organization, state, decided)
        self.users.append(user)
        return user

    def chat(self, place: str, days_ago: int = 0, user: User | None = None) -> Chat:
        """A new session of one to six messages that began on this day or before."""
        user = user or self.rng.choice(self.users)
        moment = self.moment(days_ago)
        surface = self.rng.choices(["chat", "code", "bedrock"], [12, 2, 1])[0]
        chat = Chat(self.name("chat"), user.id, user.tier, surface, user.organization, moment)
        chat.incognito = place == "logs" and self.rng.random() < 0.04
        self.chats[place].append(chat)
        self.write(chat, moment, self.rng.randrange(1, 4))
        return chat

    def write(self, chat: Chat, moment: dt.datetime, exchanges: int) -> list[dict[str, Any]]:
        """Adds exchanges to a session and returns their messages. Some answer an earlier message again."""
        added: list[dict[str, Any]] = []
        parent = chat.messages[-1]["message_id"] if chat.messages else None
        if len(chat.messages) > 2 and self.rng.random() < 0.15:
            parent = chat.messages[self.rng.randrange(len(chat.messages))]["message_id"]
        for _ in range(exchanges):
            for role in ("user", "assistant"):
                moment += dt.timedelta(seconds=self.rng.randrange(1, 400))
                message = self.message(role, parent, moment)
                if role == "assistant" and self.rng.random() < 0.05:
                    message["thread"] = "agent"
                parent = message["message_id"]
                added.append(message)
        chat.messages += added
        return added

    def message(self, role: str, parent: str | None, moment: dt.datetime) -> dict[str, Any]:
        """A new message."""
        return {
            "message_id": self.name("m"),
            "parent_id": parent,
            "role": role,
            "sent_at": instant(moment),
            "content": self.text(),
        }

    def personal(self) -> str:
        """A personal value that is masked for certain."""
        return f"{MARK}.{self.rng.getrandbits(32):08x}@example.org"

    def text(self) -> str:
        """A text; some have personal values, a few are in French or hold little else than addresses."""
        draw = self.rng.random()
        if draw < 0.02:
            return FRENCH * 3
        if draw < 0.03:
            return ", ".join(self.personal() for _ in range(60))
        some = [
            f"{self.rng.choice(_OPENINGS)} {' '.join(self.rng.choices(_WORDS, k=self.rng.randrange(3, 9)))}."
            for _ in range(self.rng.randrange(1, 4))
        ]
        if draw < 0.4:
            some.insert(self.rng.randrange(len(some) + 1), f"My address is {self.personal()}.")
        return " ".join(some)
