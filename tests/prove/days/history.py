"""A seeded history: what each day changes in files, which commands it runs, and what disturbs its run."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from tests.prove.days.files import canonical, table
from tests.prove.days.world import FIRST, Chat, World, instant

Records = list[dict[str, Any] | str]


class Change(NamedTuple):
    """A file that is written (`data`), moved from `source`, or removed; `in_place`: its inode stays."""

    path: str
    data: bytes | None = None
    source: str | None = None
    in_place: bool = False


@dataclasses.dataclass(frozen=True)
class Day:
    """One day. `faults`: (place of the operation among all, 0 to 1; fault) of runs that are disturbed."""

    number: int
    as_of: str
    names: tuple[str, ...]
    changes: tuple[Change, ...]
    commands: tuple[tuple[str, ...], ...]
    settings: tuple[str, ...]
    faults: tuple[tuple[float, str], ...]
    is_missed: bool


class History:
    """The state of the files of a world, and the day that is being made. Events change it."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        self.rng = self.world.rng
        self.day = 0
        #: Records of canonical files by path, and sessions of other files by path.
        self.logs: dict[str, Records] = {}
        self.others: dict[str, list[Chat]] = {}
        #: Paths and sessions of the planned days, by what happens to them.
        self.steady: dict[str, tuple[str, Chat]] = {}
        self.deletions: list[tuple[str, str, str]] = []
        self.authorizations: list[tuple[str, str, str, str, str]] = []
        self.settings = {"policy": "policies/a.yaml", "deid": "default", "output.shards": "2"}
        self.has_snapshot = True
        self.is_missed = False
        self.faults: list[tuple[float, str]] = []
        self.changes: list[Change] = []
        self.commands: list[tuple[str, ...]] = []

    @property
    def as_of(self) -> dt.datetime:
        """When the run of the day decides: at two in the night after it."""
        return self.world.today + dt.timedelta(days=1, hours=2)

    def write_logs(self, path: str, records: Records, *, in_place: bool = False) -> None:
        """Writes a canonical file; its format is that of its ending."""
        self.logs[path] = records
        self.changes.append(Change(path, canonical(records, path.partition(".")[2]), in_place=in_place))

    def new_path(self, days_ago: int = 0, ending: str | None = None) -> str:
        """The path of a new canonical file, below a folder of its day."""
        date = self.world.today - dt.timedelta(days=days_ago)
        some, weights = ["jsonl.gz", "jsonl", "parquet", "jsonl.zst"], [6, 3, 1, 1]
        ending = ending or self.rng.choices(some, weights)[0]
        return f"logs/{date:%Y-%m-%d}/{self.rng.getrandbits(32):08x}.{ending}"

    def pick(self, place: str) -> Chat | None:
        """A session, the later ones more often; None without any."""
        found = self.world.chats[place]
        return found[-1 - min(int(self.rng.expovariate(0.12)), len(found) - 1)] if found else None

    def snapshot(self) -> None:
        """The consent snapshot of the day."""
        at = instant(self.world.today + dt.timedelta(days=1, hours=1))
        rows = [
            (user.id, user.state, None if user.decided_at is None else instant(user.decided_at), at)
            for user in self.world.users
        ]
        rows += [(*decision, at) for decision in self.world.late_decisions]
        columns = ("user_id", "state", "decided_at", "snapshot_at")
        self.changes.append(Change(f"consent/{self.world.today:%Y-%m-%d}.csv", table(columns, rows)))

    def lists(self) -> None:
        """The lists of deletions and of authorisations, as they are now."""
        columns = ("organization_id", "surface", "valid_from", "valid_to", "reference")
        self.changes.append(Change("authorizations.csv", table(columns, self.authorizations)))
        self.changes.append(Change("deletions.csv", table(("kind", "id", "deleted_at"), self.deletions)))


Event = Callable[[History], None]


def days_of(
    seed: int,
    number: int,
    events_a_day: int,
    events: dict[Event, float],
    planned: Sequence[Sequence[Event]],
) -> Iterator[Day]:
    """The days of a history; the first one has files of every format.

    `events`: with their weights. A day has `events_a_day` of them on average; some have none. `planned`: the
    events of the days after the first; random events begin after them.
    """
    history = History(seed)
    kinds, weights = list(events), list(events.values())
    for day in range(number):
        history.day, history.world.today = day, FIRST + dt.timedelta(days=day)
        history.changes, history.commands, history.faults = [], [], []
        history.has_snapshot, history.is_missed = True, False
        some = kinds if day == 0 else list(planned[day - 1]) if day <= len(planned) else []
        if day > len(planned) and history.rng.random() > 0.08:
            some = history.rng.choices(kinds, weights, k=history.rng.randrange(1, 2 * events_a_day))
        for event in some:
            if day or event.__name__ in FIRST_DAY:
                event(history)
        if history.has_snapshot or day == 0:
            history.snapshot()
        if day == 0:
            history.lists()
        yield Day(
            number=day,
            as_of=instant(history.as_of),
            names=tuple(event.__name__ for event in some) if day else ("first",),
            changes=tuple(history.changes),
            commands=tuple(history.commands),
            settings=tuple(f"{key}={value}" for key, value in history.settings.items()),
            faults=tuple(history.faults),
            is_missed=history.is_missed and 0 < day < number - 1,
        )


#: Events of the first day: each input then has a file.
FIRST_DAY = ("new_logs", "late_logs", "code_session", "chatgpt_export", "claude_export")
