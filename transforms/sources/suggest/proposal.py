"""The proposed fields of an own schema, from its first records, with what is left open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.mapped.paths import EACH, Steps, text_of
from schemas.mapped.placeholders import PLACEHOLDER
from schemas.mapped.values import SURFACES, TIERS
from transforms.sources.mapped.values import ROLE_WORDS
from transforms.sources.suggest import words
from transforms.sources.suggest.beside import Single, singles
from transforms.sources.suggest.candidates import (
    Chosen,
    Turns,
    best,
    id_score,
    is_id,
    label_score,
    names,
    time_score,
    turns_of,
    unused,
    within,
)
from transforms.sources.suggest.lines import Proposal, is_name, or_other, path, quoted_path
from transforms.sources.suggest.profile import Place, Profile, profile_of


def propose(records: Sequence[Mapping[str, Any]]) -> Proposal | None:
    """The proposal for records of one schema; None if no messages are found in them."""
    made, profile = Proposal(), _usual(profile_of(records), len(records))
    turns = turns_of(profile)
    if turns is None:
        return None
    if len(records) == 1 and turns.each.count(EACH) > 1:
        outer = turns.each[: turns.each.index(EACH) + 1]
        made.fields.append(f"records: {text_of(outer)}")
        inner = _elements(records[0], outer[:-1])
        profile = _usual(profile_of(inner), len(inner))
        turns = turns_of(profile)
        if turns is None:
            return None
    _Writer(made, profile, turns).write()
    return made


def _usual(profile: Profile, records: int) -> Profile:
    """The places that at least a tenth of the records have; names of others may be data."""
    return {steps: place for steps, place in profile.items() if place.records * 10 >= records}


def _elements(record: Mapping[str, Any], steps: Steps) -> list[Any]:
    value: Any = record
    for step in steps:
        value = value[step]
    return list(value)


class _Writer:
    def __init__(self, made: Proposal, profile: Profile, turns: Turns) -> None:
        self._made, self._turns = made, turns
        self._profile = profile
        self._record = within(profile, ())
        self._in_rows = not turns.each and turns.role is not None

    def write(self) -> None:
        """Writes all fields: those of the session, then the messages."""
        self._conversation()
        owners = words.USER if self._in_rows else words.USER | {"author"}
        self._owner("user_id", best(self._record, id_score(owners, words.CONVERSATION), self._taken()))
        organization = best(self._record, id_score(words.ORGANIZATION), self._made.used)
        if organization:
            self._made.once("organization_id", organization)
        self._label("tier", words.TIER, words.TIER_WORDS, TIERS)
        self._label("surface", words.SURFACE, words.SURFACE_WORDS, SURFACES)
        self._times()
        self._messages()
        self._json_text()
        self._ignored()

    def _taken(self) -> set[Steps]:
        chosen = (self._turns.role, self._turns.content, self._turns.answer)
        return self._made.used | {each.steps for each in chosen if each}

    def _conversation(self) -> None:
        score = id_score(words.CONVERSATION, words.USER)
        differ = {steps: place for steps, place in self._record.items() if len(place.distinct) > 1}
        found = best(differ, score, self._taken()) or best(self._record, score, self._taken())
        is_any = found is None
        if found is None and not self._in_rows:
            own = {steps: place for steps, place in self._record.items() if not names(steps) & _OTHER_IDS}
            found = best(own, _own_id_score, self._taken())
        if found is None and self._in_rows:
            self._made.add(f"group_by: {PLACEHOLDER}", "the id of the session that a message belongs to")
            return
        if found is None:
            self._made.notes.append("no conversation id was found: a digest of the messages is used")
            return
        if is_any and self._turns.each:
            self._made.notes.append("if records repeat the messages of earlier ones, remove conversation_id")
        repeats = len(found.place.distinct) < 0.9 * found.place.present and not self._turns.each
        self._made.once("group_by" if repeats or self._in_rows else "conversation_id", found)

    def _owner(self, name: str, found: Chosen | None) -> None:
        if found is None:
            self._made.open_default(name, "no field is named like a user")
        else:
            self._made.once(name, found)

    def _label(
        self, name: str, of_name: frozenset[str], of_value: frozenset[str], own: Sequence[str]
    ) -> None:
        found = best(self._record, label_score(of_name, of_value), self._taken())
        if found is None:
            self._made.open_default(name, f"no field was found; one of {', '.join(own)}")
            return
        texts = found.place.distinct
        listed = {
            text: text.lower() if text.lower() in own else PLACEHOLDER
            for text in sorted(texts)
            if text not in own and text.lower() in of_value
        }
        other = [count for text, count in texts.items() if text.lower() not in of_value]
        self._made.mapped(name, found, listed, other, PLACEHOLDER, f"one of {', '.join(own)}")

    def _times(self) -> None:
        if not self._in_rows and (found := best(self._record, time_score, self._taken())) is not None:
            self._made.time("created_at", found)
        deleted = {
            steps: place
            for steps, place in self._record.items()
            if place.time and names(steps, 1) & words.DELETED
        }
        if found := best(deleted, lambda steps, place: 1.0 / len(steps) if place.time else 0):
            self._made.time("deleted_at", found)

    def _messages(self) -> None:
        turns, inner = self._turns, within(self._profile, self._turns.each)
        self._made.add("messages:")
        if turns.answer is not None:
            self._pair(turns, inner)
            return
        beside = [*singles(self._profile, turns, self._taken())]
        for single in beside:
            if single.is_first:
                self._single(single)
        start = len(self._made.fields)
        has_time = self._list(turns, inner, has_ids=not beside)
        if beside:
            self._made.as_item(start)
        for single in beside:
            if not single.is_first:
                self._single(single)
        if not has_time or any(single.sent_at is None for single in beside):
            self._made.needs_time()

    def _list(self, turns: Turns, inner: Profile, *, has_ids: bool) -> bool:
        """Writes the messages of the list; True if they have times."""
        if turns.role is not None:
            self._role(turns.role)
        elif turns.each in inner and inner[turns.each].is_of("text"):
            self._made.add("  role:")
            self._made.add("    alternate: [user, assistant]", "no field has roles; check who begins")
        else:
            self._made.add(
                f"  role: {PLACEHOLDER}", "no field has words for roles, such as user and assistant"
            )
        self._made.add(f"  content: {path(turns.content.steps)}", or_other(turns.content))
        self._made.used |= {turns.content.steps}
        time = best({s: p for s, p in inner.items() if s != turns.each}, time_score, self._made.used)
        if time is not None:
            self._made.time("sent_at", time, "  ", "  ")
        if has_ids:
            self._message_ids(inner)
        self._tools(inner)
        return time is not None

    def _single(self, single: Single) -> None:
        start = len(self._made.fields)
        if single.role is None:
            self._made.add("  role: assistant", "check: the answer to the messages before")
        else:
            self._role(single.role)
        self._made.once("  content", single.content)
        if single.sent_at is not None:
            self._made.time("sent_at", single.sent_at, "  ", "  ")
        self._made.as_item(start)

    def _pair(self, turns: Turns, inner: Profile) -> None:
        assert turns.answer is not None  # noqa: S101 - the caller checked it
        time = best(inner, time_score, self._made.used) if turns.each else None
        for role, chosen in (("user", turns.content), ("assistant", turns.answer)):
            self._made.add(f"  - role: {role}")
            self._made.add(f"    content: {path(chosen.steps)}", or_other(chosen))
            self._made.used.add(chosen.steps)
            if time is not None:
                self._made.time("sent_at", time, "    ", "    ")
        if time is None:
            self._made.needs_time()

    def _role(self, found: Chosen) -> None:
        texts = found.place.distinct
        if found.place.is_of("boolean"):
            first = "assistant" if names(found.steps, 1) & {"bot", "ai", "assistant"} else "user"
            other = "user" if first == "assistant" else "assistant"
            self._made.mapped("role", found, {"true": first, "false": other}, [], "", "", "  ", "  ")
            return
        listed = {
            text: words.ROLES[text.lower()]
            for text in sorted(texts)
            if text.lower() in words.ROLES and text.lower() not in ROLE_WORDS
        }
        unknown = [count for text, count in texts.items() if text.lower() not in words.ROLES]
        known = {words.ROLES[text.lower()] for text in texts if text.lower() in words.ROLES}
        if not unknown and "user" not in known and found is self._turns.role:
            self._made.notes.append("no message is of a user: join the file that has the prompts first")
        wanted = "assistant" if "user" in known and "assistant" not in known else "user"
        self._made.mapped(
            "role", found, listed, unknown, wanted, "user, assistant, system, tool or null", "  ", "  "
        )

    def _message_ids(self, inner: Profile) -> None:
        each = self._turns.each

        def unique(steps: Steps, place: Place) -> float:
            own = names(steps[len(each) :], 1)
            fits = is_id(steps) and place.is_of("text", "number") and place.time is None
            is_other = own & (words.USER | words.CONVERSATION) or own & {"parent", "reply", "tool", "call"}
            all_differ = len(place.distinct) >= min(place.present, 300)
            return 1.0 + bool(own & words.MESSAGE_ID) if fits and all_differ and not is_other else 0

        found = best(inner, unique, self._made.used)
        if found is None:
            return
        self._made.used.add(found.steps)
        self._made.add(f"  message_id: {path(found.steps)}", or_other(found))
        parent = best(inner, _parent_score)
        if parent is not None:
            self._made.used.add(parent.steps)
            self._made.add(f"  parent_id: {path(parent.steps)}")

    def _tools(self, inner: Profile) -> None:
        each = self._turns.each
        for name, known in (("tool_calls", ["tool_calls", "toolCalls"]), ("tool_call_id", ["tool_call_id"]),
                            ("thinking", ["reasoning_content", "reasoning", "thinking"])):  # fmt: skip
            for own in known:
                steps = (*each, own)
                if steps in inner and inner[steps].present:
                    self._made.used.add(steps)
                    self._made.add(f"  {name}: {path(steps)}")
                    break

    def _json_text(self) -> None:
        inside = sorted(
            {
                steps[:n]
                for steps in self._made.used
                for n in range(1, len(steps))
                if self._is_json(steps[:n])
            },
            key=len,
        )
        if inside:
            self._made.fields.insert(0, f"json_text: [{', '.join(map(quoted_path, inside))}]")

    def _is_json(self, steps: Steps) -> bool:
        place = self._profile.get(steps)
        return place is not None and place.is_json and EACH not in steps

    def _ignored(self) -> None:
        found = [steps for steps, _ in unused(self._profile, self._made.used)]
        shown = [text_of(steps) for steps in found if all(is_name(step) for step in steps)]
        if shown:
            more = f" and {len(found) - len(shown[:8])} more" if len(found) > len(shown[:8]) else ""
            self._made.notes.append(f"not read: {', '.join(shown[:8])}{more}")


def _parent_score(steps: Steps, place: Place) -> float:
    return 1.0 if "parent" in names(steps, 1) and is_id(steps) and place.is_of("text", "number") else 0


def _own_id_score(steps: Steps, place: Place) -> float:
    """Scores ids of the record: of top level first, each another."""
    fits = is_id(steps) and place.is_of("text", "number") and place.time is None
    differ = len(place.distinct) >= min(place.present, 300)
    return 1.0 / len(steps) if fits and differ else 0


#: Words in the names of ids that are not of a conversation.
_OTHER_IDS = (
    words.USER
    | words.ORGANIZATION
    | {"request", "response", "call", "trace", "span", "completion", "event", "model"}
)
