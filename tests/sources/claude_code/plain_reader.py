"""A second reader of Claude Code, written from docs/reference/claude-code.md alone: short, slow and plain."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

TAGS = (
    "command- local-command- bash- system-reminder ide_ task-notification user-memory-input teammate-message "
    "cross-session-message agent-message scheduled-task fork-boilerplate persisted-output new-diagnostics "
    "tick>"
).split()
NOTES = ("Caveat: The messages below", "[Request interrupted", "[SYSTEM NOTIFICATION", "Stop hook feedback:")
PLAN, CONTINUED = (
    "Implement the following plan:",
    "This session is being continued from a previous conversation",
)
FEEDBACK = "\n\nUser feedback on this plan: "


def after_prefaces(text: str) -> str:
    while found := re.match(r"\s*<(system-reminder|ide_\w+)>.*?</\1>", text, re.DOTALL):
        text = text[found.end() :]
    return text


def typed(text: str) -> bool:
    rest = after_prefaces(text).strip()
    is_note = rest.startswith((*NOTES, PLAN)) or any(rest.startswith(f"<{tag}") for tag in TAGS)
    is_hook = re.match(r"(\w+ )?[Oo]peration (stopped|blocked) by hook", rest)
    return bool(rest) and not is_note and not is_hook


def command(text: str) -> str | None:
    name = re.search(r"<command-name>/?(.*?)</command-name>", text)
    args = re.search(r"<command-args>(.*)</command-args>", text, re.DOTALL)
    if text.startswith("<command-") and name and args and args[1].strip():
        return f"/{name[1]} {args[1].strip()}"
    return None


def squeeze(text: str) -> str:
    shell = re.fullmatch(r"\s*<bash-input>(.*)</bash-input>\s*", text, re.DOTALL)
    return re.sub(r"\s", "", shell[1] if shell else after_prefaces(text))


def blocks_of(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def reason(block: dict[str, Any]) -> list[str]:
    said = block["content"].partition("the user said:")[2].strip()
    if not block.get("is_error") or not block["content"].startswith("The user doesn't want to proceed"):
        return []
    return [] if said.startswith("The user wants to clarify") or not said else [said]


def answers(block: dict[str, Any], asked: dict[str, Any], result: Any) -> list[str]:
    """What is left of each answer without the labels of the options."""
    found = []
    for question in asked["questions"]:
        name, labels = question["question"], {option["label"] for option in question["options"]} | {"Other"}
        written = re.search(rf'"{re.escape(name)}"="(.*?)"\. You can', block["content"])
        answer = (
            result["answers"].get(name, "") if isinstance(result, dict) else written[1] if written else ""
        )
        pieces = [answer]
        while pieces and pieces[0] and pieces[0] not in labels:
            cut = [label for label in labels if pieces[0].startswith(f"{label}, ")]
            if not cut:
                found.append(pieces[0])
                break
            pieces[0] = pieces[0][len(cut[0]) + 2 :]
    return found


def record_of(line: dict[str, Any], agent: str | None) -> dict[str, Any]:
    """The record of a line with a uuid."""
    side = line.get("isSidechain") is True
    made = {
        "uuid": line["uuid"],
        "logical": line.get("logicalParentUuid"),
        "parent": line.get("parentUuid") or line.get("logicalParentUuid"),
        "session": line["sessionId"],
        "agent": agent or (line.get("agentId") if side else None),
        "is_agent": side or agent is not None,
        "role": "link",
        "origin": "",
        "at": line["timestamp"],
        "turn": None,
        "blocks": [],
        "said": [],
        "kind": line["type"],
        "result": line.get("toolUseResult"),
    }
    held = line.get("attachment") or {}
    is_queued = line["type"] == "attachment" and held.get("type") == "queued_command"
    hook = (line.get("data") or {}).get("hookName", "SessionStart:clear")
    boundary = line.get("subtype") in ("compact_boundary", "microcompact_boundary", "stop_hook_summary")
    made["continues"] = boundary or line.get("isCompactSummary") is True
    made["continues"] |= line["type"] == "progress" and hook not in (
        "SessionStart:clear",
        "SessionStart:startup",
    )
    if is_queued:
        made["blocks"] = blocks_of(held["prompt"])
    elif line["type"] == "system":
        made["blocks"] = blocks_of(line.get("content", ""))
    if not line["timestamp"].startswith("2026"):
        return made | {"blocks": []}  # quarantined: only its links count
    if line["type"] == "assistant":
        origin = "harness" if line.get("isApiErrorMessage") else "model"
        content = blocks_of(line["message"]["content"])
        return made | {
            "role": "assistant",
            "origin": origin,
            "turn": line["message"].get("id"),
            "blocks": content,
        }
    if line["type"] == "user":
        made |= {"role": "user", "blocks": blocks_of(line["message"]["content"])}
        made["origin"] = origin_of(line, made)
    is_prompt_mode = is_queued and held.get("commandMode") in (None, "prompt") and not held.get("isMeta")
    if is_prompt_mode and origin_of(line, made) == "human":
        made |= {"role": "user", "origin": "human"}
    return made


def origin_of(line: dict[str, Any], made: dict[str, Any]) -> str:
    """The first rule of the table of user lines that fits."""
    results = [block for block in made["blocks"] if block["type"] == "tool_result"]
    texts = [block["text"] for block in made["blocks"] if block["type"] == "text"]
    if results:
        made["role"], made["said"] = "tool", [said for block in results for said in reason(block)]
        return "tool"
    if line.get("isCompactSummary"):
        return "summary"
    if line.get("isMeta") or (line.get("origin") or {}).get("kind", "human") != "human":
        return "harness"
    if made["is_agent"]:
        return "model"
    if texts[0].startswith(PLAN):
        plan, found, feedback = texts[0].rpartition(FEEDBACK)
        if found:
            made["said"], made["blocks"] = [feedback], blocks_of(plan)
        return "harness"
    if (asked := command(texts[0])) is not None:
        if "sourceToolUseID" in line:
            return "harness"
        made["blocks"], made["kind"] = blocks_of(asked), "command"
        return "human"
    if texts[0].startswith(CONTINUED):
        return "summary"
    return "human" if any(map(typed, texts)) else "harness"


def read_file(
    name: str, lines: list[bytes], known: dict[str, Any], conflicts: list[str]
) -> list[dict[str, Any]]:
    """The records of a file, with those of prompts that are only in the lines of the queue."""
    short = name.rpartition("/")[2]
    agent = short[6:].removesuffix(".jsonl") if short.startswith("agent-") else None
    records: list[dict[str, Any]] = []
    queue: dict[str, list[dict[str, Any]]] = {}
    taken: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}

    def last(session: str, thread: Any) -> str | None:
        same = [one["uuid"] for one in records if (one["session"], one["thread"]) == (session, thread)]
        return same[-1] if same else None

    for raw in lines:
        try:
            line = json.loads(raw.strip(b"\0"))
        except ValueError:
            continue
        if not isinstance(line, dict):
            continue
        if line["type"] == "queue-operation":
            if line["operation"] == "enqueue" and not line["timestamp"].startswith("2026"):
                continue
            step(line, queue.setdefault(line["sessionId"], []), taken, numbers, last, len(records))
        else:
            made = record_of(line, agent)
            made["thread"] = made["agent"] or made["is_agent"]
            words = (made["role"], made["blocks"], made["said"])
            if made["role"] != "link" and not is_copy(words, known.setdefault(made["uuid"], words)):
                conflicts.append(made["uuid"])
                made |= {
                    "role": "link",
                    "origin": "",
                    "turn": None,
                    "blocks": [],
                    "said": [],
                    "continues": False,
                }
            made["before"] = last(made["session"], made["thread"])
            records.append(made)
    return with_prompts(records, taken)


def is_copy(one: Any, other: Any) -> bool:
    texts = [str(block.get("content")) for block in one[1] + other[1]]
    is_cleared = any(text.startswith("[Old tool result content cleared]") for text in texts)
    return one == other or (one[0] == other[0] == "tool" and len(one[1]) == len(other[1]) and is_cleared)


def step(
    line: dict[str, Any], queue: list[Any], taken: list[Any], numbers: Any, last: Any, place: int
) -> None:
    """One line of the queue."""
    operation, words, session = line["operation"], line.get("content"), line["sessionId"]
    before = last(session, False)
    if operation == "enqueue":
        anchor = before or session
        name = f"{anchor}/queued-{hashlib.sha256(words.encode()).hexdigest()[:12]}"
        numbers[name] = numbers.get(name, 0) + 1
        queue.append(
            {"uuid": f"{name}-{numbers[name]}", "words": words, "at": line["timestamp"], "since": place}
        )
        return
    if operation == "popAll" and words is None:
        queue.clear()
    if not queue:
        return
    fits = [one for one in queue if one["words"] == words]
    if words is None and operation == "remove":
        fits = [one for one in queue if is_prompt(one["words"])]
    one = (fits or queue)[0]
    queue.remove(one)
    if (
        operation == "popAll"
        or line.get("reason") not in (None, "absorbed_mid_turn")
        or not is_prompt(one["words"])
    ):
        return
    taken.append(
        one | {"place": place, "after": before, "session": session, "is_sent": operation == "dequeue"}
    )


def is_prompt(words: str) -> bool:
    return typed(words) and not re.fullmatch(r"\s*/[\w:.-]+\s*", words)


def with_prompts(records: list[dict[str, Any]], taken: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records, and those of prompts whose words are in no other line."""
    for session in {one["session"] for one in taken}:
        prompts = [one for one in taken if one["session"] == session]
        own = [(n, r) for n, r in enumerate(records) if r["session"] == session and not r["is_agent"]]
        human = [n for n, r in own if r["origin"] == "human"]
        used: set[int] = set()
        while prompts:
            run = [prompts.pop(0)]
            while prompts and not any(run[-1]["place"] <= n < prompts[0]["place"] for n in human):
                run.append(prompts.pop(0))
            later = [n for n in human if n >= run[-1]["place"]][: len(run)]
            until = later[-1] if len(later) == len(run) else len(records)
            for number, record in own:
                if number <= until and number not in used and record["role"] in ("user", "link"):
                    words = "".join(squeeze(b["text"]) for b in record["blocks"] if b["type"] == "text")
                    mark_written(run, words, number, used)
    found = [one for one in taken if not one.get("written")]
    for _, one in sorted(enumerate(found), key=lambda each: (-each[1]["place"], -each[0])):
        rest = [r for r in records[one["place"] :] if r["session"] == one["session"] and r["kind"] != "queue"]
        is_answered = any(r["role"] == "assistant" and not r["is_agent"] for r in rest)
        after = one["after"] or (rest[0]["uuid"] if rest else None)
        if after is not None and (is_answered or not one["is_sent"]):
            made = {"uuid": one["uuid"], "parent": after, "logical": None, "session": one["session"]}
            made |= {"agent": None, "is_agent": False, "role": "user", "origin": "human", "at": one["at"]}
            made |= {
                "turn": None,
                "blocks": blocks_of(one["words"]),
                "said": [],
                "kind": "queue",
                "result": None,
            }
            records.insert(one["place"], made | {"continues": False, "thread": False, "before": None})
    return records


def mark_written(run: list[dict[str, Any]], words: str, place: int, used: set[int]) -> None:
    """Marks the prompts in sequence that make up all words of a line."""
    left = [one for one in run if not one.get("written")]
    for begin in range(len(left) if words else 0):
        for end in range(begin + 1, len(left) + 1):
            if left[begin]["since"] <= place and "".join(squeeze_words(left[begin:end])) == words:
                used.add(place)
                for one in left[begin:end]:
                    one["written"] = True
                return


def squeeze_words(prompts: list[dict[str, Any]]) -> list[str]:
    return [re.sub(r"\s", "", one["words"]) for one in prompts]
