"""What a person typed, and what the tool writes under role user: rules of docs/reference/claude-code.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schemas.records import Block, Origin

#: The tool whose results hold answers of a person.
QUESTION_TOOL = "AskUserQuestion"
#: How a user line begins by which an accepted plan is carried out.
PLAN = "Implement the following plan:"
#: How texts begin that the tool itself writes under role user.
_HARNESS = re.compile(
    r"\s*(?:<(?:command-|local-command-|bash-|system-reminder|ide_|task-notification|user-memory-input|"
    r"teammate-message|cross-session-message|agent-message|scheduled-task|fork-boilerplate|channel |tick>|"
    r"persisted-output|new-diagnostics|[a-z-]{1,40}-hook>)|Caveat: The messages below|"
    rf"\[(?:Request interrupted|SYSTEM NOTIFICATION)|{PLAN}|Stop hook feedback:|"
    r"(?:\w{1,40} )?[Oo]peration (?:stopped|blocked) by hook\b)"
)
_HARNESS_BEGINS = frozenset("<C[IS")
_HOOK = "by hook"
#: What the tool may put before a person's words in the same text.
_PREFACE = re.compile(r"\s*<(system-reminder|ide_\w{1,40})>.*?</\1>", re.DOTALL)
#: How compaction summaries began before the flag `isCompactSummary`.
_SUMMARY = "This session is being continued from a previous conversation that ran out of context"
_ANSWERED = ("User has answered your questions", "Your questions have been answered")
_CLEARED = ("[Old tool result content cleared]", "<persisted-output>")
_COMMAND_NAME = re.compile(r"<command-name>\s*/?([^<]*?)\s*</command-name>")
_COMMAND_ARGS = re.compile(r"<command-args>(.*)</command-args>", re.DOTALL)
_SHELL = re.compile(r"\s*<bash-input>(.*)</bash-input>\s*\Z", re.DOTALL)
_BARE_COMMAND = re.compile(r"\s*/[\w:.-]+\s*\Z")
_PLAN_FEEDBACK = "\n\nUser feedback on this plan: "
_REASON = re.compile(
    r"\s*(?:The user doesn't want to proceed with this tool use\.|Permission for this tool use was denied\.)"
    r".{0,400}?(?:To tell you how to proceed, the user said|The user said):(.*)",
    re.DOTALL,
)
#: What the tool adds behind a reason, and reasons that the tool itself writes.
_REASON_NOTE = "\n\nNote: The user's next message may contain"
_TOOLS_REASONS = (
    "The user wants to clarify these questions",
    "The user has indicated they have provided enough answers",
)


def origin_of_texts(blocks: Sequence[Block]) -> Origin:
    """The origin of a user line without flags, from how its texts begin."""
    texts = [block.text or "" for block in blocks if block.type == "text"]
    if any(text.startswith(_SUMMARY) for text in texts):
        return "summary"
    return "human" if any(map(is_typed, texts)) else "harness"


def is_typed(text: str) -> bool:
    """True for a text with something that a person typed."""
    if text and text[0] not in _HARNESS_BEGINS and not text[0].isspace() and _HOOK not in text[:80]:
        return True  # most texts; this saves two regular expressions
    start = _after_prefaces(text)
    return bool(text[start:].strip()) and not _HARNESS.match(text, start)


def _after_prefaces(text: str) -> int:
    start = 0
    while preface := _PREFACE.match(text, start):
        start = preface.end()
    return start


def typed_command(text: str) -> str | None:
    """`/name arguments` of the text for a slash command; None without arguments, and for other texts."""
    if not text.lstrip().startswith("<command-"):
        return None
    name, args = _COMMAND_NAME.search(text), _COMMAND_ARGS.search(text)
    if name is None or args is None or not args[1].strip():
        return None
    return f"/{name[1]} {args[1].strip()}"


def is_prompt(text: str) -> bool:
    """True for a queued text that is a prompt of a person: typed, and no slash command without arguments."""
    return is_typed(text) and not _BARE_COMMAND.match(text)


def plan_and_feedback(text: str) -> tuple[str, str | None]:
    """The text of an accepted plan, and what the person typed about it."""
    plan, found, feedback = text.rpartition(_PLAN_FEEDBACK)
    return (plan, feedback.strip()) if found and feedback.strip() else (text, None)


def reason_of(block: Block) -> str | None:
    """What a person typed when rejecting a tool call; None if the result holds no such reason."""
    if block.is_error is not True:
        return None
    found = _REASON.match(result_text(block))
    reason = found[1].partition(_REASON_NOTE)[0].strip() if found else ""
    return reason if reason and is_typed(reason) and not reason.startswith(_TOOLS_REASONS) else None


def result_text(block: Block) -> str:
    """The text of a tool result."""
    if block.content.__class__ is str:
        return str(block.content)
    return "".join(one.text or "" for one in block.content or () if isinstance(one, Block))


def is_answer(block: Block) -> bool:
    """True for a result with the text of answers to questions."""
    return result_text(block).startswith(_ANSWERED)


def is_cleared(block: Block) -> bool:
    """True for a tool result whose text the tool replaced later, to save context."""
    return result_text(block).startswith(_CLEARED)


def typed_answers(block: Block, asked: Any, given: Any) -> Iterator[str]:
    """What a person typed when answering the questions of a call: no label that the model offered.

    `asked`: the input of the call. `given`: the field `toolUseResult` of the line of the result.
    """
    given = given if isinstance(given, dict) else {}
    questions = next((one for one in map(_questions, (asked, given)) if one), [])
    answers, text = given.get("answers"), result_text(block)
    for question in questions:
        name = question["question"]
        if isinstance(answers, Mapping):
            answer, notes = answers.get(name), _notes(given, name)
        else:
            answer, notes = _written_answer(text, name)
        labels = [
            option["label"]
            for option in question.get("options") or ()
            if isinstance(option, dict) and isinstance(option.get("label"), str)
        ]
        yield from (words for words in (*_without_labels(answer, labels), *_texts(notes)) if is_typed(words))


def _questions(fields: Any) -> list[dict[str, Any]]:
    found = fields.get("questions") if isinstance(fields, dict) else None
    return [
        one
        for one in (found if isinstance(found, list) else ())
        if isinstance(one, dict) and isinstance(one.get("question"), str) and one.get("options")
    ]


def _notes(given: dict[str, Any], question: str) -> Any:
    annotations = given.get("annotations")
    one = annotations.get(question) if isinstance(annotations, dict) else None
    return one.get("notes") if isinstance(one, dict) else None


def _written_answer(text: str, question: str) -> tuple[str | None, str | None]:
    """The answer and the notes in the text of a result."""
    begin = text.find(f'"{question}"="')
    if begin < 0:
        return None, None
    found = re.compile(
        r'(.*?)"(?:\s+user notes: (.*?))?(?=, "[^"]*"="|\. You can |\s+selected preview:|\s*\Z)', re.DOTALL
    ).match(text, begin + len(question) + 4)
    return (found[1], found[2]) if found else (None, None)


def _texts(value: Any) -> list[str]:
    return [one.strip() for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _without_labels(answer: Any, labels: Sequence[str]) -> Iterator[str]:
    """The answers without the labels of options; several are joined by commas."""
    offered = {*labels, "Other"}
    for rest in _texts(answer):
        left = rest
        while cut := [label for label in offered if left.startswith(f"{label}, ")]:
            left = left[len(max(cut, key=len)) + 2 :]
        while cut := [label for label in offered if left.endswith(f", {label}")]:
            left = left[: -len(max(cut, key=len)) - 2]
        if left and left not in offered:
            yield left


def words_of(blocks: Sequence[Block]) -> str:
    """The words of a user line without white space, to compare them with those of a queued prompt."""
    found = []
    for block in blocks:
        text = block.text or "" if block.type == "text" else ""
        shell = _SHELL.match(text)
        found.append(shell[1] if shell else text[_after_prefaces(text) :])
    return squeezed("".join(found))


def squeezed(text: str) -> str:
    """The text without white space."""
    return "".join(text.split())
