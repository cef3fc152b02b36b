"""The messages of one conversation in order: turns joined, tool results in a row, parents first."""

from __future__ import annotations

from transforms.sources.claude_code.lines import LinkedRecord, texts_beside_result

#: Added to the uuid of a tool result to make the id of the texts beside it.
TEXTS_SUFFIX = "/said"


def messages_in_order(component: list[LinkedRecord]) -> list[LinkedRecord]:
    """The records that become messages, each after its parent. Changes parents and blocks of the records.

    The lines of one API message become one record, parallel tool results follow each other, and texts beside
    a tool result become a record of their own.
    """
    joined = _join_turns(component)
    _chain_results(joined)
    return _parents_first(_split_texts_from_results(joined))


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


def _chain_results(records: list[LinkedRecord]) -> None:
    """Lets the tool results of one turn follow each other, and what follows any of them follow the last."""
    place = {record.uuid: number for number, record in enumerate(records)}
    role = {record.uuid: record.role for record in records}
    last_result: dict[str, str] = {}
    turn_of_result: dict[str, str] = {}
    for record in records:
        parent = record.parent
        if record.role != "tool" or parent is None or role.get(parent) != "assistant":
            continue
        if parent in last_result:
            record.parent = last_result[parent]
        turn_of_result[record.uuid] = parent
        last_result[parent] = record.uuid
    for record in records:
        turn = turn_of_result.get(record.parent or "")
        if turn is None or record.uuid in turn_of_result:
            continue
        if place[record.uuid] > place[last_result[turn]]:
            record.parent = last_result[turn]


def _split_texts_from_results(records: list[LinkedRecord]) -> list[LinkedRecord]:
    """The records, with texts beside tool results as records that follow the result."""
    split: list[LinkedRecord] = []
    texts_after: dict[str | None, str] = {}
    for record in records:
        split.append(record)
        if record.role == "tool" and (texts := [block for block in record.blocks if block.type == "text"]):
            record.blocks = [block for block in record.blocks if block.type != "text"]
            texts_after[record.uuid] = f"{record.uuid}{TEXTS_SUFFIX}"
            split.append(texts_beside_result(record, texts_after[record.uuid], texts))
    for record in split if texts_after else ():
        if record.uuid != texts_after.get(record.parent):
            record.parent = texts_after.get(record.parent, record.parent)
    return split


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
