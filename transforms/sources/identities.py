"""The owner of a session: user, organization, tier and surface.

For each field the first of these that has a value: the mapping table's row for the record's account, its row
for the path, the record itself, the first entry of `defaults_by_path` that matches the path, `defaults`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.records import Defaults, Session
from transforms.sources.paths import below

#: Separates the tiers or surfaces that a session had one after another; the policy must include each.
THEN = "\x1f"
_LABELS = ("tier", "surface")
_START = dt.datetime.min.replace(tzinfo=dt.UTC)
_END = dt.datetime.max.replace(tzinfo=dt.UTC)


class Owner(NamedTuple):
    """The owner of a session; None for what is not known."""

    user_id: str | None = None
    organization_id: str | None = None
    tier: str | None = None
    surface: str | None = None


class Owners(NamedTuple):
    """The owners of many sessions, by column."""

    user_id: list[str | None]
    organization_id: list[str | None]
    tier: list[str | None]
    surface: list[str | None]


class Mapped(NamedTuple):
    """A row of a mapping table, valid from `start` up to, not including, `end`."""

    owner: Owner
    start: dt.datetime = _START
    end: dt.datetime = _END


@dataclasses.dataclass(frozen=True)
class Identities:
    """The identity rules of an input.

    `accounts`: rows by the user id of a record. `paths` and `by_path`: rows, and defaults, by glob
    of the path below the input's `root`. If several rows are valid at once, each field comes from the first
    row that has it.
    """

    root: str = ""
    accounts: dict[str, tuple[Mapped, ...]] = dataclasses.field(default_factory=dict)
    paths: tuple[tuple[str, Mapped], ...] = ()
    by_path: tuple[tuple[str, Owner], ...] = ()

    def owner(
        self, said: Owner, defaults: Owner, start: dt.datetime, end: dt.datetime, paths: Sequence[str]
    ) -> Owner:
        """The owner of a session in these files that lasts from `start` to `end`, both included.

        If the tier or surface changes in that time, all values are joined in order with THEN. If the user id
        or organization changes, it is None: the session has no subject and is excluded.
        """
        rows = [*self.accounts.get(said.user_id or "", ()), *self._of_paths(tuple(paths))]
        fallback = _over(said, _over(self._default_of(tuple(paths)), defaults))
        touching = [row for row in rows if row.start <= end and start < row.end]
        if not touching:
            return fallback
        moments = {start, *(row.start for row in touching if row.start > start)}
        moments |= {row.end for row in touching if row.end <= end}
        found = [_at(moment, touching, fallback) for moment in sorted(moments)]
        return Owner(*map(_agreed, Owner._fields, zip(*found, strict=True)))

    def _of_paths(self, paths: tuple[str, ...]) -> list[Mapped]:
        return [row for glob, row in self.paths if _any_below(glob, self.root, paths)] if self.paths else []

    def _default_of(self, paths: tuple[str, ...]) -> Owner:
        return next((owner for glob, owner in self.by_path if _any_below(glob, self.root, paths)), Owner())


def owners_of(
    user_ids: Sequence[str | None],
    organization_ids: Sequence[str | None],
    spans: Iterable[tuple[dt.datetime, dt.datetime]],
    defaults: Defaults,
    identities: Identities | None,
    paths: Sequence[str],
) -> Owners:
    """The owners of sessions whose records have these ids, by the rules of `with_owner`.

    `spans`: start and end of each session.
    """
    users, organizations = _all_present(user_ids), _all_present(organization_ids)
    if identities is not None:
        fallback = owner_of(defaults)
        found = [
            identities.owner(Owner(*ids), fallback, start, end, paths)
            for *ids, (start, end) in zip(users, organizations, spans, strict=True)
        ]
        return Owners(*map(list, zip(*found, strict=True))) if found else Owners([], [], [], [])
    return Owners(
        [user or defaults.user_id for user in users],
        [organization or defaults.organization_id for organization in organizations],
        [defaults.tier] * len(users),
        [defaults.surface] * len(users),
    )


def with_owner(
    session: Session, defaults: Defaults, identities: Identities | None, paths: Sequence[str]
) -> Session:
    """The session with its owner; a blank value counts as missing. `paths`: the files of its unit."""
    if identities is None:
        session.user_id = _present(session.user_id) or defaults.user_id
        session.organization_id = _present(session.organization_id) or defaults.organization_id
        session.tier = label(session.tier) or defaults.tier
        session.surface = label(session.surface) or defaults.surface
        return session
    said = Owner(
        _present(session.user_id),
        _present(session.organization_id),
        label(session.tier),
        label(session.surface),
    )
    instants = [message.sent_at for message in session.messages] or [session.created_at]
    start, end = min(session.created_at, *instants), max(session.created_at, *instants)
    found = identities.owner(said, owner_of(defaults), start, end, paths)
    session.user_id, session.organization_id, session.tier, session.surface = found
    return session


def label(text: str | None) -> str | None:
    """One tier or surface from a record; None if it is blank. THEN is replaced: it is never several."""
    return text.replace(THEN, "\ufffd") if text and text.strip() else None


def owner_of(defaults: Defaults) -> Owner:
    """The defaults as an owner."""
    return Owner(defaults.user_id, defaults.organization_id, defaults.tier, defaults.surface)


def _at(moment: dt.datetime, rows: Sequence[Mapped], fallback: Owner) -> Owner:
    found = Owner()
    for row in rows:
        if row.start <= moment < row.end:
            found = _over(found, row.owner)
    return _over(found, fallback)


def _over(first: Owner, second: Owner) -> Owner:
    return Owner(*(a if a is not None else b for a, b in zip(first, second, strict=True)))


def _agreed(name: str, values: Sequence[str | None]) -> str | None:
    if len(set(values)) == 1:
        return values[0]
    return THEN.join(value or "" for value, _ in itertools.groupby(values)) if name in _LABELS else None


def _present(text: str | None) -> str | None:
    return text if text and text.strip() else None


def _all_present(texts: Sequence[str | None]) -> list[str | None]:
    return [_present(text) for text in texts] if any(texts) else [None] * len(texts)


def _any_below(glob: str, root: str, paths: tuple[str, ...]) -> bool:
    return any(_matches(glob, below(path, root)) for path in paths)


@functools.lru_cache(65_536)
def _matches(glob: str, path: str) -> bool:
    return _expression(glob).fullmatch(path) is not None


@functools.lru_cache(4_096)
def _expression(glob: str) -> re.Pattern[str]:
    """`*` and `?` within a name, `**` over folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    of = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    return re.compile("".join(of.get(part, re.escape(part)) for part in parts), re.DOTALL)
