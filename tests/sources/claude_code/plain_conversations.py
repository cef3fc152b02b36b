"""The plain reader, second part: the records of all files to conversations."""

from __future__ import annotations

from typing import Any

from tests.sources.claude_code.plain_order import Talk, above, talk
from tests.sources.claude_code.plain_reader import answers, read_file

Record = dict[str, Any]


def read_project(files: dict[str, list[bytes]]) -> tuple[dict[str, Talk], int]:
    """The conversations by id, and the count of lines in conflict."""
    known: dict[str, Any] = {}
    conflicts: list[str] = []
    names = sorted(files)
    records = [record for name in names for record in read_file(name, files[name], known, conflicts)]
    asked = {b["id"]: b["input"] for r in records for b in r["blocks"] if b.get("name") == "AskUserQuestion"}
    for record in records:
        for block in record["blocks"] if record["role"] == "tool" else ():
            if block.get("tool_use_id") in asked and not block.get("is_error"):
                record["said"] += answers(block, asked[block["tool_use_id"]], record["result"])
    first = unique(records)
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
    return {root(part): talk(part) for part in with_subagents(list(parts.values()), records)}, len(conflicts)


def unique(records: list[Record]) -> dict[str, Record]:
    first: dict[str, Record] = {}
    for uuid in dict.fromkeys(record["uuid"] for record in records):
        same = [record for record in records if record["uuid"] == uuid]
        messages = [record for record in same if record["role"] != "link"] or same
        first[uuid] = messages[0] | {
            "at": min(record["at"] for record in messages),
            "before": next((record["before"] for record in same if record["before"]), None),
        }
    return first


def replace_parents(first: dict[str, Record]) -> None:
    for uuid, record in first.items():
        if record["parent"] in first or (record["parent"] is None and not record["continues"]):
            continue
        if record["logical"] in first:
            record["parent"] = record["logical"]
        elif record["before"] in first and uuid not in above(record["before"], first):
            record["parent"] = record["before"]


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
