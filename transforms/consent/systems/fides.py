"""Reads the privacy-preference history of Fides (https://github.com/ethyca/fides), as its report exports it.

A file has pages of the reporting API (`items`, `page`, `pages`, `size`) or their items, as JSON or JSON
Lines.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from schemas.consent_config import FidesSource
from schemas.errors import ConsentError
from schemas.tables import GRANTED, REFUSED, UNDECIDED
from transforms.consent.columns import quoted
from transforms.consent.systems.base import ConsentDecision, ConsentFile, FileContents, Page
from transforms.consent.systems.json_records import Record, decode, json_records

#: Methods of consent by the user; null is saved by versions and interfaces that do not record the method.
_CONSENT = {None, "button", "accept", "save", "individual_notice"}
#: Methods that are not consent, whatever was saved: the notice was closed, or refused in another way.
_NOT_CONSENT = {"dismiss", "acknowledge", "gpc", "reject"}


class _Page(msgspec.Struct):
    items: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    page: int | None = None
    pages: int | None = None
    size: int | None = None


class _Saved(msgspec.Struct):
    request_timestamp: str | None = None
    request_type: str | None = None
    preference: str | None = None
    method: str | None = None
    notice_key: str | None = None
    notice_name: str | None = None
    privacy_notice_history_id: str | None = None
    external_id: str | None = None
    email: str | None = None
    phone_number: str | None = None
    fides_user_device_id: str | None = None


_PAGE = msgspec.json.Decoder(_Page)
#: Checked in the items too, so that an item has at most one of them.
_ONCE_IN_A_PAGE = ("items", "page", "pages", "size")
_SAVED = msgspec.json.Decoder(_Saved)


def read_fides(file: ConsentFile, source: FidesSource, found: FileContents) -> Iterator[ConsentDecision]:
    """The decisions about the configured preference, in the order of the file."""
    for record in _items(file, found):
        saved = decode(file.path, record, _SAVED, *_Saved.__struct_fields__)
        saved_at = file.instant(record.where, "request_timestamp", saved.request_timestamp)
        known_at = file.known_at(saved_at)
        if known_at > file.as_of:
            continue
        found.reach(known_at)
        names = (saved.notice_key, saved.notice_name, saved.privacy_notice_history_id)
        found.named(next(filter(None, names), None))
        if source.preference not in names:
            continue
        found.matched = True
        state = _state(file, record, saved)
        user_id = getattr(saved, source.user)
        if user_id is not None and user_id.strip():
            decided_at = None if state is None else saved_at
            user_id = file.user_id(record.where, source.user, user_id)
            yield ConsentDecision(user_id, UNDECIDED if state is None else state, decided_at, known_at)
        elif source.without_user == "refuse":
            raise file.fault(
                record.where, f"has no {source.user}; `without_user: skip` leaves such records out"
            )


def missing_page(found: list[FileContents]) -> str | None:
    """Which page is missing from the files of a source, None if all are present. It could have an opt-out."""
    read = {page for each in found for page in each.pages}
    for page in sorted(read, key=str):
        for number in range(1, page.pages + 1):
            if page._replace(page=number) not in read:
                return f"page {number} of {page.pages} is missing; export all pages"
    return None


def _items(file: ConsentFile, found: FileContents) -> Iterator[Record]:
    for record in json_records(file.path, file.states):
        page = decode(file.path, record, _PAGE, *_ONCE_IN_A_PAGE)
        if page.items is msgspec.UNSET:
            yield record
            continue
        if page.page is not None and page.pages is not None and page.size is not None:
            found.pages.add(Page(file.exported, page.size, page.pages, page.page))
        for number, item in enumerate(page.items):
            yield Record(f"{record.where}, item {number}", bytes(item))


def _state(file: ConsentFile, record: Record, saved: _Saved) -> int | None:
    """A state number of schemas.tables, None if the user made no decision."""
    if saved.request_type not in (None, "consent"):
        raise _unknown(file, record, "request_type", saved.request_type, "consent")
    if saved.method not in _CONSENT | _NOT_CONSENT:
        raise _unknown(file, record, "method", saved.method, "accept, save, reject, gpc or dismiss")
    if saved.preference == "opt_out":
        return REFUSED
    if saved.preference != "opt_in":
        raise _unknown(file, record, "preference", saved.preference, "opt_in or opt_out")
    return GRANTED if saved.method in _CONSENT else None


def _unknown(file: ConsentFile, record: Record, name: str, value: str | None, known: str) -> ConsentError:
    return file.fault(record.where, f"{name} is {quoted(value)}; expected {known}")
