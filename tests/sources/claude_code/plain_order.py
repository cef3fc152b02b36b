"""The second half of the plain reader: records of all files to conversations, in the order of docs/claude-code.md."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.sources.claude_code.plain_reader import answers, read_file, squeeze, typed

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


def read_project(files: dict[str, list[bytes]]) -> tuple[dict[str, Talk], set[str]]:
    """The conversations by id, and the ids of those in conflict."""
    records = [record for name in sorted(files) for record in read_file(name, files[name])]
    asked = {
        b["id"]: b["input"] for r in records for b in r["blocks"] if b.get("name") == "AskUserQuestion"
    }
    for record in records:
        for block in record["blocks"] if record["role"] == "tool" else ():
            if block.get("tool_use_id") in asked and not block.get("is_error"):
                record["said"] += answers(block, asked[block["tool_use_id"]], record["result"])
    first, conflicts = unique(records)
    replace_parents(first)
    groups = grouped(first)
    drop_repeated(list(first.values()))
    skip_links(first)
    parts: dict[str, list[Record]] = {}
    for uuid, record in first.items():
        if record["role"] != "link":
            parts.setdefault(groups[uuid], []).append(record)
            above = first.get(record["parent"])
            if record["kind"] == "command" and above and above["role"] == "tool":
                record["origin"] = "harness"
    talks, bad = {}, set()
    for part in with_subagents(list(parts.values()), records):
        name = root(part)
        if any(record["uuid"] in conflicts for record in part):
            bad.add(name)
        else:
            talks[name] = talk(part)
    return talks, bad


def unique(records: list[Record]) -> tuple[dict[str, Record], set[str]]:
    first: dict[str, Record] = {}
    conflicts: set[str] = set()
    for uuid in dict.fromkeys(record["uuid"] for record in records):
        same = [record for record in records if record["uuid"] == uuid]
        messages = [record for record in same if record["role"] != "link"]
        kept = (messages or same)[0]
        for copy in messages[1:]:
            if [copy["role"], content(copy)] != [kept["role"], content(kept)] and not is_cleared(copy, kept):
                conflicts.add(uuid)
        kept["at"] = min(record["at"] for record in messages or same)
        kept["before"] = next((record["before"] for record in same if record["before"]), None)
        first[uuid] = kept
    return first, conflicts


def content(record: Record) -> list[Any]:
    return [record["blocks"], record["said"]]


def is_cleared(copy: Record, kept: Record) -> bool:
    texts = [str(block.get("content")) for one in (copy, kept) for block in one["blocks"]]
    lengths = len(copy["blocks"]) == len(kept["blocks"]) and copy["role"] == kept["role"] == "tool"
    return lengths and any(text.startswith("[Old tool result content cleared]") for text in texts)


def replace_parents(first: dict[str, Record]) -> None:
    for uuid, record in first.items():
        if record["parent"] in first or (record["parent"] is None and not record["continues"]):
            continue
        if record["logical"] in first:
            record["parent"] = record["logical"]
        elif record["before"] in first and uuid not in above(record["before"], first):
            record["parent"] = record["before"]


def above(uuid: str | None, first: dict[str, Record]) -> list[str]:
    """The uuid and those that it follows."""
    found: list[str] = []
    while uuid in first and uuid not in found:
        found.append(uuid)
        uuid = first[uuid]["parent"]
    return found


def grouped(first: dict[str, Record]) -> dict[str, str]:
    """The name of the group of each uuid, equal for linked ones."""
    links = [(u, o) for u, r in first.items() for o in (r["parent"], r["logical"]) if o is not None]
    group = {uuid: uuid for link in links for uuid in link} | {uuid: uuid for uuid in first}
    changed = True
    while changed:
        changed = False
        for one, other in links:
            least = min(group[one], group[other])
            changed |= group[one] != least or group[other] != least
            group[one] = group[other] = least
    return group


def drop_repeated(records: list[Record]) -> None:
    """An attachment whose text is in the person's next line is only a link."""
    for session in {record["session"] for record in records}:
        human = [r for r in records if r["session"] == session and r["origin"] == "human"]
        number = 0
        while number < len(human):
            run = number
            while run < len(human) and human[run]["kind"] == "attachment":
                run += 1
            lines: list[Record] = []
            for record in human[run : run + run - number]:
                if record["kind"] == "attachment":
                    break
                lines.append(record)
            for prompt in human[number:run]:
                same = [line for line in lines if line["blocks"] == prompt["blocks"]]
                if same:
                    lines.remove(same[0])
                    prompt["role"] = "link"
            number = max(run, number + 1)


def skip_links(first: dict[str, Record]) -> None:
    for record in [one for one in first.values() if one["role"] != "link"]:
        seen = {record["uuid"]}
        while record["parent"] in first and first[record["parent"]]["role"] == "link":
            if record["parent"] in seen:
                break
            seen.add(record["parent"])
            record["parent"] = first[record["parent"]]["parent"]


def with_subagents(parts: list[list[Record]], records: list[Record]) -> list[list[Record]]:
    """The conversations, each with the subagents that had its session id at that time."""
    hosts = [part for part in parts if not all(record["is_agent"] for record in part)]
    begins = [(min(r["at"] for r in part), part[0]["uuid"], part) for part in hosts]
    uuids = [{record["uuid"] for record in part} for part in hosts]
    sessions = [{r["session"] for r in records if r["uuid"] in ids} for ids in uuids]
    alone = []
    for part in [part for part in parts if part not in hosts]:
        near = sorted(b for b, names in zip(begins, sessions, strict=True) if part[0]["session"] in names)
        begun = [each for each in near if each[0] <= min(record["at"] for record in part)]
        if near:
            (begun[-1] if begun else near[0])[2].extend(part)
        else:
            alone.append(part)
    return hosts + alone


def root(part: list[Record]) -> str:
    uuids = {record["uuid"] for record in part}
    main = [record for record in part if not record["is_agent"]] or part
    roots = [record for record in main if record["parent"] not in uuids] or main
    return min((record["at"], record["uuid"]) for record in roots)[1]


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
        if record["turn"] and answer and (answer["turn"], answer["agent"]) == (record["turn"], record["agent"]):
            inside |= set(users)
    part = joined(part)
    by = {record["uuid"]: record for record in part}
    place = {record["uuid"]: number for number, record in enumerate(part)}
    turn_of: dict[str, str] = {}
    for record in [one for one in part if one["role"] == "tool"]:
        answer, users = users_between(record, by)
        ids = {block.get("tool_use_id") for block in record["blocks"]}
        if answer and (answer["uuid"] == record["parent"] or ids & {b.get("id") for b in answer["blocks"]} - {None}):
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
            one["blocks"] = one["blocks"] + [block for block in record["blocks"] if block not in one["blocks"]]
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
                chains[head] += [record["uuid"], *([f"{record['uuid']}/said"] if record["uuid"] in beside else [])]
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
    return "".join(str(b.get("text") or b.get("content") or "") for b in record["blocks"] if b["type"] in kinds)


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


__all__ = ["Said", "Talk", "branch", "read_project", "squeeze"]
