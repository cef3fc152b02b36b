"""The plain reader, third part: the messages of a conversation in their order, and its active branch."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.sources.claude_code.plain_reader import typed

Record = dict[str, Any]


class Said(NamedTuple):
    """A message as both readers see it."""

    parent: str | None
    origin: str
    text: str
    at: str
    thread: str


class Talk(NamedTuple):
    """A conversation: its messages by uuid, and the uuids of the active branch in order."""

    messages: dict[str, Said]
    branch: list[str]


def above(uuid: str | None, first: dict[str, Record]) -> list[str]:
    """The uuid and those that it follows."""
    found: list[str] = []
    while uuid in first and uuid not in found:
        found.append(uuid)
        uuid = first[uuid]["parent"]
    return found


def users_between(record: Record, by: dict[str, Record]) -> tuple[Record | None, list[str]]:
    """The nearest answer above a record, and the user lines on the way."""
    users: list[str] = []
    seen: list[str] = []
    one = by.get(record["parent"])
    while one is not None and one["role"] != "assistant" and one["uuid"] not in seen:
        seen.append(one["uuid"])
        users += [one["uuid"]] if one["role"] == "user" else []
        one = by.get(one["parent"])
    return (one if one is not None and one["role"] == "assistant" else None), users


def talk(part: list[Record]) -> Talk:
    """The messages of a conversation and its active branch."""
    by = {record["uuid"]: record for record in part}
    inside: set[str] = set()
    for record in part:
        answer, users = users_between(record, by)
        if (
            record["turn"]
            and answer
            and (answer["turn"], answer["agent"]) == (record["turn"], record["agent"])
        ):
            inside |= set(users)
    part = joined(part)
    by = {record["uuid"]: record for record in part}
    place = {record["uuid"]: number for number, record in enumerate(part)}
    turn_of: dict[str, str] = {}
    for record in [one for one in part if one["role"] == "tool"]:
        answer, users = users_between(record, by)
        ids = {block.get("tool_use_id") for block in record["blocks"]}
        if answer and (
            answer["uuid"] == record["parent"] or ids & {b.get("id") for b in answer["blocks"]} - {None}
        ):
            turn_of[record["uuid"]] = answer["uuid"]
            inside |= set(users)
    only_results = dict(turn_of)
    answered = {up for one in part if one["role"] != "user" for up in above(one["parent"], by)}
    for record in [one for one in part if one["role"] == "user" and one["parent"] in by]:
        head = turn_of.get(record["parent"], record["parent"])
        later = [
            one
            for one in part[place[record["uuid"]] + 1 :]
            if only_results.get(one["parent"], one["parent"]) == head
            and (one["role"] != "user" or record["kind"] == "queue")
            and one["kind"] != "queue"
        ]
        if record["uuid"] in inside or (later and record["uuid"] not in answered):
            turn_of[record["uuid"]] = head
    beside = {one["uuid"]: words for one in part if (words := texts_beside(one))}
    return arranged(part, turn_of, beside, place)


def joined(part: list[Record]) -> list[Record]:
    """The records, the lines of one API message as one."""
    kept: dict[Any, Record] = {}
    into: dict[str, str] = {}
    for record in part:
        key = (record["turn"] or record["uuid"], record["agent"])
        one = kept.setdefault(key, record)
        if one is not record:
            into[record["uuid"]] = one["uuid"]
            one["blocks"] = one["blocks"] + [
                block for block in record["blocks"] if block not in one["blocks"]
            ]
    for record in kept.values():
        record["parent"] = into.get(record["parent"], record["parent"])
    return list(kept.values())


def texts_beside(record: Record) -> tuple[str, str] | None:
    """Origin and text of the message beside a record."""
    texts = [b["text"] for b in record["blocks"] if b["type"] == "text"] if record["role"] == "tool" else []
    if not texts and not record["said"]:
        return None
    by_rule = "human" if any(map(typed, texts)) else "harness"
    if any(text.startswith("This session is being continued from a previous") for text in texts):
        by_rule = "summary"
    origin = "human" if record["said"] else "model" if record["is_agent"] else by_rule
    return origin, "".join([*texts, *record["said"]])


def arranged(part: list[Record], turn_of: dict[str, str], beside: Any, place: dict[str, int]) -> Talk:
    """The messages with their final parents."""
    chains: dict[str, list[str]] = {}
    results: dict[str, list[str]] = {}
    for record in part:
        if record["role"] == "tool" and record["uuid"] in turn_of:
            results.setdefault(turn_of[record["uuid"]], []).append(record["uuid"])
    for head in {*turn_of.values(), *(turn_of.get(uuid, uuid) for uuid in beside)}:
        own = [uuid for uuid in (head, *results.get(head, [])) if uuid in beside]
        chains[head] = [*results.get(head, []), *(f"{uuid}/said" for uuid in own)]
        for record in part:
            if record["role"] == "user" and turn_of.get(record["uuid"]) == head:
                chains[head] += [
                    record["uuid"],
                    *([f"{record['uuid']}/said"] if record["uuid"] in beside else []),
                ]
    parents = {record["uuid"]: record["parent"] for record in part}
    for record in part:
        head = turn_of.get(record["parent"], record["parent"])
        own_place, last = place[record["uuid"]], results.get(head, [])
        if head not in chains or record["uuid"] in turn_of:
            continue
        if last and (record["parent"] == head or own_place < place[last[-1]]):
            continue
        before = [uuid for uuid in chains[head] if place.get(uuid, -1) < own_place]
        parents[record["uuid"]] = before[-1] if before else record["parent"]
    for head, chain in chains.items():
        parents |= dict(zip(chain, [head, *chain], strict=False))
    messages = {}
    for record in part:
        thread = (record["agent"] or "sidechain") if record["is_agent"] else "main"
        uuid, at = record["uuid"], record["at"]
        messages[uuid] = Said(parents[uuid], record["origin"], text_of(record), at, thread)
        if uuid in beside:
            messages[f"{uuid}/said"] = Said(parents[f"{uuid}/said"], *beside[uuid], at, thread)
    return Talk(messages, branch(messages))


def text_of(record: Record) -> str:
    kinds = ("text", "tool_result") if record["role"] != "tool" else ("tool_result",)
    return "".join(
        str(b.get("text") or b.get("content") or "") for b in record["blocks"] if b["type"] in kinds
    )


def branch(messages: dict[str, Said]) -> list[str]:
    """From the newest leaf of the main thread up to a root."""
    main = {uuid: said for uuid, said in messages.items() if said.thread == "main"}
    above_others = {said.parent for said in main.values()}
    leaves = [(said.at, uuid) for uuid, said in main.items() if uuid not in above_others]
    found: list[str] = []
    uuid: str | None = max(leaves)[1] if leaves else None
    while uuid in main and uuid not in found:
        found.append(uuid)
        uuid = main[uuid].parent
    return found[::-1]
