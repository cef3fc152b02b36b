"""Project folders of Claude Code with every kind of line, made from a seed, whole and damaged."""

from __future__ import annotations

import json
import random
from typing import Any

VERSIONS = ("1.0.24", "1.0.128", "2.0.55", "2.0.76", "2.1.37", "2.1.112", "2.1.246", "2.1.287")
WORDS = ("go on", "go on", "now the tests", "/usr/bin is wrong", "Operation failed", "I see", "<b>x</b>")
NOTES = (
    "<local-command-stdout>x</local-command-stdout>",
    "<bash-input>ls -la</bash-input>",
    "<command-name>/clear</command-name>\n<command-args></command-args>",
    "<task-notification>done</task-notification>",
    "[Request interrupted by user]",
    "Operation stopped by hook: busy",
    "UserPromptSubmit operation blocked by hook: no",
    "Implement the following plan:\n\n# Plan\n\n1. Do it.",
    "Implement the following plan:\n\n# Plan\n\n1. Do it.\n\nUser feedback on this plan: but slowly",
    "This session is being continued from a previous conversation that ran out of context: x",
    "  ",
)
COMMAND = "<command-message>review</command-message>\n<command-name>/review</command-name>\n"
REFUSED = "The user doesn't want to proceed with this tool use. The tool use was rejected. "
CLARIFY = "The user wants to clarify these questions."
UNKNOWN = ("hologram", "turn_duration", "a_kind_of_tomorrow")
QUESTION = {"question": "Which?", "options": [{"label": "Red"}, {"label": "Blue, dark"}]}
ANSWERS = ("Red", "Blue, dark", "Red, Blue, dark", "something else", "Red, and quickly", "Other")


class Project:
    """`files`: the lines of each file by its name."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.files: dict[str, list[bytes]] = {}
        self._count = self._second = 0
        for number in range(self.rng.randint(1, 3)):
            _Log(self, f"s{number}").make()
        if self.rng.random() < 0.4:
            self._damage()

    def number(self) -> int:
        self._count += 1
        return self._count

    def time(self) -> str:
        self._second += self.rng.choice((0, 1, 1, 7))
        at = self._second
        return f"2026-02-01T{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}.000Z"

    def _damage(self) -> None:
        for lines in self.files.values():
            for _ in range(self.rng.randint(0, 3) if lines else 0):
                at = self.rng.randrange(len(lines))
                line = lines[at]
                untimed = line.replace(b'"timestamp": "2026', b'"timestamp": "x')
                damaged = (line[:20], b"", b"\0" * 99, b"\0" * 40 + line, b"[]", untimed, line + b"\n" + line)
                lines[at : at + 1] = self.rng.choice(damaged).split(b"\n")


class _Log:
    """One conversation and its copies, written line by line."""

    def __init__(self, project: Project, session: str) -> None:
        self.project, self.rng, self.session = project, project.rng, session
        self.lines: list[dict[str, Any]] = []
        self.tip: str | None = None
        self.tips: list[str | None] = [None]

    def make(self) -> None:
        self.prompt()
        actions = (
            *[self.prompt, self.answer, self.calls, self.calls, self.queue, self.queue] * 2,
            *(self.note, self.command, self.question, self.links, self.compaction, self.rewind),
            *(self.subagent, self.resume, self.fork, self.phantom, self.conflict, self.begin),
        )
        for _ in range(self.rng.randint(2, 14)):
            self.rng.choice(actions)()
        self._write()

    def _write(self) -> None:
        self.project.files[f"{self.session}.jsonl"] = [json.dumps(line).encode() for line in self.lines]

    def _line(self, kind: str, /, **fields: Any) -> dict[str, Any]:
        line = {
            "type": kind,
            "uuid": f"{kind[0]}{self.project.number()}",
            "parentUuid": self.tip,
            "sessionId": self.session,
            "timestamp": self.project.time(),
            "version": self.rng.choice(VERSIONS),
        } | fields
        self.lines.append(line)
        return line

    def _follow(self, kind: str, /, **fields: Any) -> None:
        self.tip = self._line(kind, **fields)["uuid"]

    def _user(self, content: Any, **fields: Any) -> None:
        if isinstance(content, str) and self.rng.random() < 0.3:
            content = [{"type": "text", "text": content}]
        self._follow("user", message={"role": "user", "content": content}, **fields)

    def _words(self) -> str:
        return self.rng.choice((*WORDS, f"words {self.project.number()}", f"more {self.project.number()}"))

    def prompt(self) -> None:
        self.tips.append(self.tip)
        before = self.rng.choice(("", "", "", "<system-reminder>x</system-reminder>"))
        flags: list[dict[str, Any]] = [{}, {}, {}, {"isMeta": True}, {"origin": {"kind": "human"}}]
        self._user(before + self._words(), **self.rng.choice([*flags, {"origin": {"kind": "peer"}}]))

    def begin(self) -> None:
        """A new root, as after `/clear`, often with the line of a hook before it."""
        if self.rng.random() < 0.3:
            self.tip = None
            name = self.rng.choice(("clear", "resume", "startup"))
            self._follow("progress", data={"type": "hook_progress", "hookName": f"SessionStart:{name}"})

    def note(self) -> None:
        self._user(self.rng.choice(NOTES))

    def command(self) -> None:
        fields = self.rng.choice(({}, {}, {"sourceToolUseID": "t"}))
        self._user(f"{COMMAND}<command-args>the last {self.project.number()}</command-args>", **fields)

    def _turn(self, blocks: list[dict[str, Any]], turn: str) -> None:
        for block in blocks:
            self._follow("assistant", message={"id": turn, "role": "assistant", "content": [block]})

    def answer(self) -> None:
        texts = [
            {"type": "text", "text": f"said {self.project.number()}"} for _ in range(self.rng.randint(1, 2))
        ]
        turn = f"m{self.project.number()}"
        self._turn(texts, turn)
        if self.rng.random() < 0.3:
            self.meanwhile()
            self._turn([{"type": "text", "text": "and"}], turn)
        if self.rng.random() < 0.1:
            self.lines[-1]["isApiErrorMessage"] = True

    def meanwhile(self) -> None:
        """A line of a person or the tool that comes while a turn runs."""
        self.rng.choice(
            (self.links, self.queue, self.note, self.attached, lambda: self._user(self._words()))
        )()

    def attached(self) -> None:
        mode: dict[str, Any] = self.rng.choice(
            ({}, {}, {"commandMode": "task-notification"}, {"isMeta": True})
        )
        held = {"type": "queued_command", "prompt": self._words(), "commandMode": "prompt"} | mode
        self._follow("attachment", attachment=held)

    def calls(self) -> None:
        """A turn with calls and their results, parallel or interleaved, with lines between."""
        turn, ids = (
            f"m{self.project.number()}",
            [f"t{self.project.number()}" for _ in range(self.rng.randint(1, 3))],
        )
        is_mixed, places = self.rng.random() < 0.3, []
        for name in ids:
            self._turn([{"type": "tool_use", "id": name, "name": "Read", "input": {}}], turn)
            places.append(self.tip)
            if self.rng.random() < 0.2:
                self.meanwhile()
            if is_mixed:
                self._result(name)
        for name, place in zip(() if is_mixed else ids, places, strict=False):
            branches = self.rng.random() < 0.6
            last, self.tip = self.tip, place if branches else self.tip
            self._result(name)
            if self.rng.random() < 0.2:
                kept = self.tip
                self.meanwhile()
                self.tip = self.rng.choice((kept, self.tip, last))

    def _result(self, call: str) -> None:
        said = f"the unit tests {self.project.number()}"
        text, failed = self.rng.choice(
            (
                ("out", False),
                ("out", False),
                (f"{REFUSED}To tell you how to proceed, the user said:\n{said}", True),
                (
                    f"{REFUSED}To tell you how to proceed, the user said:\n{CLARIFY}",
                    True,
                ),
                (f"{REFUSED}STOP what you are doing.", True),
                ("[Old tool result content cleared]", False),
            )
        )
        block = {"type": "tool_result", "tool_use_id": call, "content": text, "is_error": failed}
        beside = (
            [{"type": "text", "text": self.rng.choice((self._words(), *NOTES))}]
            if self.rng.random() < 0.2
            else []
        )
        self._follow("user", message={"role": "user", "content": [block, *beside]}, toolUseResult="x")

    def question(self) -> None:
        call, given = f"t{self.project.number()}", self.rng.choice(ANSWERS)
        used = {"type": "tool_use", "id": call, "name": "AskUserQuestion", "input": {"questions": [QUESTION]}}
        self._turn([used], f"m{self.project.number()}")
        text = f'User has answered your questions: "Which?"="{given}". You can now continue.'
        block = {"type": "tool_result", "tool_use_id": call, "content": text}
        held = self.rng.choice(({"questions": [QUESTION], "answers": {"Which?": given}}, "x"))
        self._follow("user", message={"role": "user", "content": [block]}, toolUseResult=held)

    def queue(self) -> None:
        """Prompts that wait and leave the queue, and may be in another line too."""
        texts = [self._words() for _ in range(self.rng.randint(1, 3))]
        if self.rng.random() < 0.2:
            texts[0] = self.rng.choice((*NOTES, "/compact"))
        steps = [("enqueue", text) for text in texts]
        end = self.rng.choice(("remove", "remove", "dequeue", "popAll", ""))
        if end:
            steps += [(end, text if self.rng.random() < 0.3 else None) for text in texts]
        why = self.rng.choice((None, None, "absorbed_mid_turn", "withdrawn"))
        for operation, text in steps:
            step = {"type": "queue-operation", "operation": operation, "sessionId": self.session}
            step |= {"timestamp": self.project.time()} | ({} if text is None else {"content": text})
            self.lines.append(step | ({"reason": why} if operation == "remove" and why else {}))
            if self.rng.random() < 0.1:
                self.links()
        form = self.rng.random()
        if form < 0.2:
            self._follow("attachment", attachment={"type": "queued_command", "prompt": texts[0]})
        elif form < 0.4:
            self._user("\n".join(texts))
        elif form < 0.5:
            for text in texts:
                self._user(text)

    def links(self) -> None:
        kind = self.rng.choice(("progress", "attachment", "system", *UNKNOWN))
        follows = self.rng.random() < 0.7
        line = self._line(kind, data={"type": "bash_progress"}, attachment={"type": "hologram"}, content="x")
        self.tip = line["uuid"] if follows else self.tip

    def phantom(self) -> None:
        self.tip = f"gone{self.project.number()}"
        self.rng.choice((self.links, self.prompt, self.answer))()

    def compaction(self) -> None:
        logical = self.rng.choice((self.tip, f"gone{self.project.number()}", None))
        self.tip = None
        if self.rng.random() < 0.8:
            self._follow("system", subtype="compact_boundary", logicalParentUuid=logical)
        self._user("in short", isCompactSummary=True)

    def rewind(self) -> None:
        self.tip = self.rng.choice(self.tips)
        self.prompt()

    def conflict(self) -> None:
        if self.lines and self.rng.random() < 0.2:
            line = dict(self.rng.choice(self.lines))
            if "message" in line:
                line["message"] = line["message"] | {"content": "other words"}
                self.lines.append(line)

    def subagent(self) -> None:
        agent, tip = f"f{self.project.number()}", self.tip
        begin, self.tip = len(self.lines), None
        fields: dict[str, Any] = {"isSidechain": True, "agentId": agent}
        self._user("Look for it", **fields)
        body = {
            "id": f"m{self.project.number()}",
            "role": "assistant",
            "content": [{"type": "text", "text": "yes"}],
        }
        self._follow("assistant", message=body, **fields)
        self.tip = tip
        if name := self.rng.choice(
            ("", f"agent-{agent}.jsonl", f"{self.session}/subagents/agent-{agent}.jsonl")
        ):
            self.project.files[name] = [json.dumps(line).encode() for line in self.lines[begin:]]
            del self.lines[begin:]

    def resume(self) -> None:
        """Ends the file. The next one begins with a copy of its linked lines."""
        self._write()
        self.session = f"{self.session}-r"
        changes: dict[str, Any] = {"sessionId": self.session}
        if self.rng.random() < 0.5:
            changes["timestamp"] = "2026-06-01T00:00:00.000Z"
        self.lines = [line | changes for line in self.lines if "uuid" in line]

    def fork(self) -> None:
        """Ends the file. The next one begins with a copy up to some line, or with none."""
        self._write()
        self.session = f"{self.session}-f"
        kept = [line for line in self.lines if "uuid" in line]
        kept = kept[: self.rng.randint(0, len(kept))]
        self.lines = [line | {"sessionId": self.session, "forkedFrom": {"messageUuid": "x"}} for line in kept]
        self.tip = kept[-1]["uuid"] if kept else self.tip
