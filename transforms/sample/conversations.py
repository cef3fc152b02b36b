"""Generates the turns of the synthetic corpus: chats and coding sessions with planted personal values."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

from transforms.sample.identities import Identity, Planted

_SENTENCES = (
    "The first thing to check is whether the input is sorted before it is merged.",
    "A short walk after lunch does more for the afternoon than a third coffee.",
    "If the query is slow, look at the plan before you add another index.",
    "You can keep the sauce for three days in a closed jar, but not longer.",
    "The meeting was moved twice, so please confirm the room before you travel.",
    "A binary search needs a total order, otherwise the answer depends on luck.",
    "Write the test that fails first, then the smallest change that makes it pass.",
    "The contract says thirty days, but the letter came after forty.",
    "It helps to name the columns by what they hold and not by where they come from.",
    "The train is faster, the bus is cheaper, and the bicycle is always on time.",
    "Most of the memory is held by the cache, which never forgets anything.",
    "Plant the tomatoes where they get at least six hours of light.",
    "The error only appears when two requests arrive within the same millisecond.",
    "A good summary says what was decided, who does it, and until when.",
    "Round the amounts at the very end, never in between.",
    "The museum is closed on the first working day of the week.",
    "Try it with an empty list, a list of one, and a list with duplicates.",
    "The recipe works with oat milk too, but bake it a little longer.",
)
_ASKED = (
    "Can you help me with this? ",
    "I would like to understand it better. ",
    "Please keep the answer short. ",
    "What would you do here? ",
    "I tried twice and it still fails. ",
)
_CODE = (
    "```python\ndef merge(left, right):\n    result = []\n    while left and right:\n        source = left if left[0] <= right[0] else right\n"
    "        result.append(source.pop(0))\n    return result + left + right\n```",
    "```sql\nselect country, count(*) as orders\nfrom orders\nwhere placed_on >= date '2025-01-01'\ngroup by country\norder by 2 desc;\n```",
    "```bash\nfor f in *.csv; do\n  head -n 1 \"$f\" | tr ',' '\\n' | sort\ndone\n```",
)

Content = str | list[dict[str, Any]]


class Turn(NamedTuple):
    """One message: its role, its content, and the planted values with their places."""

    role: str
    content: Content
    planted: list[tuple[Planted, str]]


def paragraph(rng: random.Random, sentences: int) -> str:
    """A paragraph of random sentences."""
    return " ".join(rng.choices(_SENTENCES, k=sentences))


def user_turn(rng: random.Random, who: Identity, personal: bool) -> Turn:
    """A user's turn of a chat."""
    text = rng.choice(_ASKED) + paragraph(rng, 1 + int(rng.expovariate(0.25)))
    if not personal:
        return Turn("user", text, [])
    phrase, planted = rng.choice(_PERSONAL)(who)
    return Turn("user", f"{text} {phrase}", [(value, "text") for value in planted])


def model_turn(rng: random.Random, who: Identity, personal: bool) -> Turn:
    """A model's turn of a chat, sometimes with code; it may repeat the user's name."""
    text = paragraph(rng, 3 + int(rng.expovariate(0.12)))
    if rng.random() < 0.3:
        text += "\n\n" + rng.choice(_CODE)
    if personal and rng.random() < 0.5:
        return Turn("assistant", f"Thanks, {who.name.value}. {text}", [(who.name, "text")])
    return Turn("assistant", text, [])


def tool_exchange(rng: random.Random, who: Identity, number: int) -> list[Turn]:
    """A coding exchange: thinking, a call, its result, and the answer."""
    home = f"/home/{who.username.value}/project"
    call = f"toolu_{number:012d}"
    edit = rng.random() < 0.5
    arguments: dict[str, Any] = (
        {
            "file_path": f"{home}/config.py",
            "old_string": "TOKEN = None",
            "new_string": f'TOKEN = "{who.token.value}"',
        }
        if edit
        else {
            "command": f"cat {home}/.env && curl -H 'Authorization: Bearer {who.token.value}' http://{who.ip.value}/"
        }
    )
    in_call: list[tuple[Planted, str]] = [(who.username, "tool_input"), (who.token, "tool_input")]
    if not edit:
        in_call.append((who.ip, "tool_input"))
    output = (
        f"Author: {who.name.value} <{who.email.value}>\nAWS_ACCESS_KEY_ID={who.access_key.value}\n"
        f"eth0 {who.mac.value} {who.ip.value}\n{home}/app.py:12: {paragraph(rng, 2)}\n"
    )
    in_result = [who.name, who.email, who.access_key, who.mac, who.ip, who.username]
    return [
        Turn(
            "assistant",
            [
                {
                    "type": "thinking",
                    "thinking": f"{who.name.value} wants the token in {home}. {paragraph(rng, 3)}",
                },
                {"type": "text", "text": paragraph(rng, 1)},
                {"type": "tool_use", "id": call, "name": "edit" if edit else "bash", "input": arguments},
            ],
            [(who.name, "thinking"), (who.username, "thinking"), *in_call],
        ),
        Turn(
            "tool",
            [{"type": "tool_result", "tool_use_id": call, "content": output, "is_error": False}],
            [(value, "tool_result") for value in in_result],
        ),
        Turn("assistant", [{"type": "text", "text": paragraph(rng, 4)}], []),
    ]


_PERSONAL: tuple[Callable[[Identity], tuple[str, list[Planted]]], ...] = (
    lambda who: (f"My name is {who.name.value} and my e-mail is {who.email.value}.", [who.name, who.email]),
    lambda who: (f"You can call {who.name.value} at {who.phone.value} any time.", [who.name, who.phone]),
    lambda who: (f"Please send it to {who.name.value}, {who.address.value}.", [who.name, who.address]),
    lambda who: (f"I paid with my card {who.card.value} yesterday.", [who.card]),
    lambda who: (f"The refund goes to IBAN {who.iban.value}, thanks.", [who.iban]),
    lambda who: (f"My social security number is {who.ssn.value}, is that enough?", [who.ssn]),
    lambda who: (
        f"The server at {who.ip.value} ({who.mac.value}) refuses {who.email.value}.",
        [who.ip, who.mac, who.email],
    ),
    lambda who: (f"The file is in /Users/{who.username.value}/Documents/tax.pdf.", [who.username]),
    lambda who: (f"I pushed my key {who.token.value} by mistake, can you help?", [who.token]),
)
