"""Prompts that a person types while Claude Code works: attachments, and lines of the queue.

Such a prompt waits in a queue (`queue-operation`: enqueue), and is put into the running turn (remove) or sent
after it (dequeue). `popAll` returns the texts to the input box. Versions since 2.1.97 record a prompt of a
running turn as an attachment of type `queued_command`; before, it is only in the lines of the queue. The tool
uses the same queue for its own notes, such as the end of a background task.
"""

from __future__ import annotations

import bisect
import collections
import datetime as dt
import hashlib
import itertools
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from transforms.sources.claude_code.typed import is_prompt, squeezed, words_of

if TYPE_CHECKING:
    from transforms.sources.claude_code.lines import LinkedRecord

#: Values of `origin.kind` that mean a person; None where the field is missing.
HUMAN_ORIGINS = (None, "human")
_ABSORBED = (None, "absorbed_mid_turn")


def is_queued_prompt(attachment: dict[str, Any]) -> bool:
    """True for a queued command that may be a prompt of a person."""
    if attachment.get("commandMode") not in (None, "prompt") or attachment.get("isMeta") is True:
        return False
    return origin_kind(attachment) in HUMAN_ORIGINS


def origin_kind(fields: dict[str, Any]) -> Any:
    """`origin.kind` of a line or attachment, None if it is missing."""
    origin = fields.get("origin")
    return origin.get("kind") if isinstance(origin, dict) else None


class QueueStep(NamedTuple):
    """A line of the queue. `words`: None unless its content is text. `reason`: why a prompt was removed."""

    operation: str
    session_id: str
    words: str | None
    at: dt.datetime | None
    reason: Any


class _Waiting(NamedTuple):
    """A prompt in the queue. `anchor`, `number`, `since`: see `Taken`."""

    anchor: str
    number: int
    words: str
    at: dt.datetime | None
    since: int


class Taken(NamedTuple):
    """A prompt that left the queue for the model.

    `anchor`: the uuid before the line that added it, else its session id. `number`: the number of the prompts
    with these words that were added after that uuid. `after`: the uuid before the line that took it, in its
    session. `since`, `place`: the counts of records before the line that added the prompt, and before the
    line that took it. `is_sent`: sent after the turn, as a user line.
    """

    anchor: str
    number: int
    session_id: str
    words: str
    at: dt.datetime
    after: str | None
    since: int
    place: int
    is_sent: bool

    @property
    def message_id(self) -> str:
        """The id of its message, if the prompt is in no other line."""
        digest = hashlib.sha256(self.words.encode(errors="surrogatepass")).hexdigest()[:12]
        return f"{self.anchor}/queued-{digest}-{self.number}"


class Queues:
    """The queues of a file, by session id. `taken`: the prompts of persons that left them, in order."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self._waiting: dict[str, list[_Waiting]] = collections.defaultdict(list)
        self._numbers: collections.Counter[tuple[str, str]] = collections.Counter()

    def step(self, step: QueueStep, last: str | None, place: int) -> None:
        """Follows a line. `last`: the uuid before it in its session; `place`: records before it."""
        waiting = self._waiting[step.session_id]
        if step.operation == "enqueue":
            same = last or step.session_id, step.words or ""
            self._numbers[same] += 1
            anchor, words = same
            waiting.append(_Waiting(anchor, self._numbers[same], words, step.at, place))
            return
        if step.operation == "popAll" and step.words is None:
            waiting.clear()
        if step.operation not in ("dequeue", "remove", "popAll") or not waiting:
            return
        found = waiting.pop(_index(waiting, step))
        is_sent = step.operation == "dequeue"
        is_taken = is_sent or (step.operation == "remove" and step.reason in _ABSORBED)
        if is_taken and found.at is not None and is_prompt(found.words):
            one = found.anchor, found.number, step.session_id, found.words, found.at
            self.taken.append(Taken(*one, last, found.since, place, is_sent))


def _index(waiting: Sequence[_Waiting], step: QueueStep) -> int:
    """Which prompt a line takes: the first with its words; without, the first (of a person if removed)."""
    for number, one in enumerate(waiting):
        if step.words is not None and one.words == step.words:
            return number
        if step.words is None and step.operation == "remove" and is_prompt(one.words):
            return number
    return 0


def only_queued(taken: Sequence[Taken], records: Sequence[LinkedRecord]) -> list[Taken]:
    """The prompts whose words are in no line of their session.

    Such a line comes between both lines of the queue, or up to the n-th human line behind them, for n prompts
    in sequence. One line may hold the words of several prompts in sequence.
    """
    found: list[Taken] = []
    for session in dict.fromkeys(one.session_id for one in taken):
        lines = [
            (place, record)
            for place, record in enumerate(records)
            if record.role != "tool" and record.session_id == session and not record.is_subagent
        ]
        written = [(place, record) for place, record in lines if record.role == "user" and record.blocks]
        answers = [place for place, record in lines if record.role == "assistant"]
        of_session = [one for one in taken if one.session_id == session]
        used: set[int] = set()
        human = [place for place, record in written if record.origin == "human"]
        for run in _runs(of_session, human):
            after = _count(human, run[-1].place) + len(run) - 1
            until = human[after] if after < len(human) else len(records)
            left = _unwritten(run, written, until, used)
            found += [one for one in left if not one.is_sent or (answers and answers[-1] >= one.place)]
    return found


def _runs(taken: Sequence[Taken], human: Sequence[int]) -> list[list[Taken]]:
    """Prompts in sequence: no human line is between them."""
    runs: list[list[Taken]] = []
    for one in taken:
        if runs and _count(human, runs[-1][-1].place) == _count(human, one.place):
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


def _count(places: Sequence[int], until: int) -> int:
    """How many of the ascending places are before one."""
    return bisect.bisect_left(places, until)


def _unwritten(
    run: list[Taken], written: Sequence[tuple[int, LinkedRecord]], until: int, used: set[int]
) -> list[Taken]:
    """The prompts of a run that no line has; adds the places of the lines of the others to `used`."""
    left = list(run)
    first = min(one.since for one in run)
    begin = bisect.bisect_left(written, first, key=operator.itemgetter(0))
    for place, record in itertools.islice(written, begin, None):
        if place > until or not left:
            break
        words = words_of(record.blocks) if place not in used else ""
        for number, one in enumerate(left if words else ()):
            count = _held(words, left[number:]) if place >= one.since else 0
            if count:
                used.add(place)
                del left[number : number + count]
                break
    return left


def _held(words: str, prompts: Sequence[Taken]) -> int:
    """How many prompts in sequence make up all words of a line; 0 if the line has other words."""
    for count, one in enumerate(prompts, start=1):
        prompt = squeezed(one.words)
        if not words.startswith(prompt):
            return 0
        words = words[len(prompt) :]
        if not words:
            return count
    return 0
