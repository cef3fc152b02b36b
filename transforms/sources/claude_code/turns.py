"""The messages of one conversation in order: turns joined, tool results in a row, parents first."""

from __future__ import annotations

import collections

from transforms.sources.claude_code.lines import LinkedRecord, texts_beside

#: Added to the uuid of a record to make the id of the texts beside its result, or typed within it.
TEXTS_SUFFIX = "/said"


def messages_in_order(component: list[LinkedRecord]) -> list[LinkedRecord]:
    """The records that become messages, each after its parent. Changes parents and blocks of the records.

    The lines of one API message become one record, parallel tool results follow each other, and texts beside
    a tool result become a record of their own. What a person adds within a turn follows its last result.
    """
    inside = _within_turns(component)
    joined = _join_turns(component)
    return _parents_first(_Turns(joined, inside).in_sequence())


def _within_turns(component: list[LinkedRecord]) -> set[str]:
    """The uuids of user records on the way from a line of an API message to an earlier line of it."""
    if len({record.turn or record.uuid for record in component}) == len(component):
        return set()
    above = _Above(component)
    inside: set[str] = set()
    for record in component:
        parent = above.by_uuid.get(record.parent or "")
        if record.turn and parent is not None and parent.role != "assistant":
            answer = above.answer(parent)
            if answer is not None and (answer.turn, answer.agent_id) == (record.turn, record.agent_id):
                inside.update(_users_above(record, above.by_uuid, inside))
    return inside


class _Above:
    """The nearest assistant's record above each record."""

    def __init__(self, records: list[LinkedRecord]) -> None:
        self.by_uuid = {record.uuid: record for record in records}
        self._known: dict[str, LinkedRecord | None] = {}

    def answer(self, record: LinkedRecord) -> LinkedRecord | None:
        """The record itself if it is an assistant's, else the nearest one above it; None if there is none."""
        path: list[str] = []
        one: LinkedRecord | None = record
        while one is not None and one.role != "assistant" and one.uuid not in self._known:
            path.append(one.uuid)
            self._known[one.uuid] = None  # ends a cycle
            one = self.by_uuid.get(one.parent or "")
        answer = one if one is None or one.role == "assistant" else self._known[one.uuid]
        self._known.update(dict.fromkeys(path, answer))
        return answer


def _users_above(record: LinkedRecord, by_uuid: dict[str, LinkedRecord], known: set[str]) -> list[str]:
    """The uuids of user records between a record and the assistant's record above it; none that are known."""
    found: list[str] = []
    one = by_uuid.get(record.parent or "")
    while one is not None and one.role != "assistant" and one.uuid not in known:
        if one.role == "user":
            found.append(one.uuid)
        one = by_uuid.get(one.parent or "")
    return found


def _join_turns(component: list[LinkedRecord]) -> list[LinkedRecord]:
    """The first line of each API message, with the blocks of its later lines."""
    if len({record.turn or record.uuid for record in component}) == len(component):
        return component
    joined_into: dict[str, str] = {}
    turns: dict[tuple[str, str | None], LinkedRecord] = {}
    joined: list[LinkedRecord] = []
    for record in component:
        key = (record.turn or record.uuid, record.agent_id)
        first = turns.setdefault(key, record)
        if first is record:
            joined.append(record)
        else:
            known = [block.id or block for block in first.blocks]
            first.blocks = first.blocks + [b for b in record.blocks if (b.id or b) not in known]
            joined_into[record.uuid] = first.uuid
    for record in joined:
        if record.parent in joined_into:
            record.parent = joined_into[record.parent]
    return joined


class _Turns:
    """Records in sequence behind the record that they belong to, the head of their turn.

    A head is an assistant's record, or any other that no turn contains. Behind it come the results of its
    calls, then the texts beside them, then what a person or the tool added meanwhile. Later records that
    follow any of these follow the last one.
    """

    def __init__(self, records: list[LinkedRecord], inside: set[str]) -> None:
        self._records = records
        self._inside = inside
        self._place = {record.uuid: number for number, record in enumerate(records)}
        self._head: dict[str, str] = {}
        self._results: dict[str, list[LinkedRecord]] = collections.defaultdict(list)
        self._added: dict[str, list[LinkedRecord]] = collections.defaultdict(list)

    def in_sequence(self) -> list[LinkedRecord]:
        """All records, and those of texts beside results, with new parents."""
        self._find_results()
        self._find_added()
        beside = self._texts_beside()
        heads = {*self._results, *self._added, *(self._head_of(uuid) for uuid in beside)}
        chains = {head: self._chain(head, beside) for head in heads}
        self._follow(chains)
        for head, chain in chains.items():
            for parent, record in zip([head, *(one.uuid for one in chain)], chain, strict=False):
                record.parent = parent
        return [part for one in self._records for part in (one, beside.get(one.uuid)) if part is not None]

    def _head_of(self, uuid: str) -> str:
        return self._head.get(uuid, uuid)

    def _find_results(self) -> None:
        """Assigns results to the turn of their call, and the user records between them to that turn."""
        above = _Above(self._records)
        for record in self._records:
            if record.role != "tool":
                continue
            answer = parent = above.by_uuid.get(record.parent or "")
            if parent is not None and parent.role != "assistant":
                answer = above.answer(parent)
                if answer is None or not _calls(answer) & {block.tool_use_id for block in record.blocks}:
                    continue
                self._inside.update(_users_above(record, above.by_uuid, self._inside))
            if answer is not None:
                self._head[record.uuid] = answer.uuid
                self._results[answer.uuid].append(record)

    def _find_added(self) -> None:
        """Assigns user records to the turn in which they were added.

        These are on the way between two lines or to a result of the turn; or nothing answers them and the
        turn goes on later.
        """
        users = [r for r in self._records if r.role == "user" and r.parent in self._place]
        heads = {self._head_of(record.parent or "") for record in users}
        goes_on, last = dict[str, int](), dict[str, int]()
        for number, record in enumerate(self._records):
            head = self._head.get(record.parent or "", record.parent or "")
            if head in heads and not record.is_queue_only:
                last[head] = number
                if record.role != "user":
                    goes_on[head] = number
        answered: set[str] | None = None
        for record in users:
            head = self._head_of(record.parent or "")
            until = last if record.is_queue_only else goes_on
            is_added = record.uuid in self._inside
            if not is_added and self._place[record.uuid] < until.get(head, -1):
                answered = self._answered() if answered is None else answered
                is_added = record.uuid not in answered
            if is_added:
                self._head[record.uuid] = head
                self._added[head].append(record)

    def _answered(self) -> set[str]:
        """The uuids of the ancestors of answers and results."""
        answered: set[str] = set()
        parents = {record.uuid: record.parent for record in self._records}
        for record in self._records:
            uuid = record.parent if record.role != "user" else None
            while uuid in parents and uuid not in answered:
                answered.add(uuid)
                uuid = parents[uuid]
        return answered

    def _texts_beside(self) -> dict[str, LinkedRecord]:
        """By uuid, the record of the texts beside a result, or typed within a record."""
        beside: dict[str, LinkedRecord] = {}
        for record in self._records:
            texts = record.role == "tool" and any(block.type == "text" for block in record.blocks)
            if texts or record.typed:
                beside[record.uuid] = texts_beside(record, f"{record.uuid}{TEXTS_SUFFIX}")
                if record.role == "tool":
                    record.blocks = [block for block in record.blocks if block.type != "text"]
        return beside

    def _chain(self, head: str, beside: dict[str, LinkedRecord]) -> list[LinkedRecord]:
        results = self._results.get(head, [])
        own = [one for uuid in (head, *(one.uuid for one in results)) if (one := beside.get(uuid))]
        chain = [*results, *own]
        for record in self._added.get(head, ()):
            chain += [record, *([beside[record.uuid]] if record.uuid in beside else [])]
        return chain

    def _follow(self, chains: dict[str, list[LinkedRecord]]) -> None:
        """Lets the records that follow a turn follow the last record of it that is before them."""
        for record in self._records:
            head = self._head_of(record.parent or "")
            chain = chains.get(head)
            if chain is None or record.uuid in self._head:
                continue
            place = self._place[record.uuid]
            results = self._results.get(head, [])
            if results and (record.parent == head or place < self._place[results[-1].uuid]):
                continue  # another branch
            before = [one for one in chain if self._place.get(one.uuid, -1) < place]
            if before:
                record.parent = before[-1].uuid


def _calls(record: LinkedRecord) -> set[str | None]:
    return {block.id for block in record.blocks if block.type == "tool_use"}


def _parents_first(records: list[LinkedRecord]) -> list[LinkedRecord]:
    """The records in their order, but each after its parent: a fork may be read before its original.

    Records whose links form a cycle stay in their order.
    """
    waiting = {record.uuid: record for record in records}
    ordered: list[LinkedRecord] = []
    for record in records:
        ancestors: list[LinkedRecord] = []
        uuid: str | None = record.uuid
        while uuid is not None and (found := waiting.pop(uuid, None)) is not None:
            ancestors.append(found)
            uuid = found.parent
        is_cycle = any(found.uuid == uuid for found in ancestors)
        ordered += ancestors if is_cycle else reversed(ancestors)
    return ordered
