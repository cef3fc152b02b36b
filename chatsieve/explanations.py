"""`explain`: the decision on one conversation, and why."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

from chatsieve.paths import Path, location_of
from chatsieve.process import contained, masking
from chatsieve.settings import Config, settings_for
from schemas.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Explanation:
    """The decision on a conversation: `eligible`, `excluded`, `deferred` or `quarantined`, with its reason.

    `clause`: of the policy; `basis`: of consent, for an eligible session. `ledger_agrees`: whether the ledger
    of the run that was given has the same decision; None without one. `document`: what
    `chatsieve explain --json` prints: consent timeline, messages without texts, every rule, what would change
    the decision. It has ids of messages, so it is not shown in the representation of this object.
    """

    conversation_key: str
    decision: str
    reason: str
    clause: str | None
    basis: str | None
    ledger_agrees: bool | None = None
    document: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)


@contained
def explain(
    conversation: str,
    config: Config | None = None,
    *,
    run: Path | None = None,
    as_of: dt.datetime | str | None = None,
    policy: Path | None = None,
    set: Mapping[str, Any] | None = None,  # noqa: A002 - as the option of the command
    text: bool = True,
) -> Explanation:
    """The decision on a conversation, as `chatsieve explain` makes it.

    `conversation`: its id or key, or a further id. `config`, `as_of`, `policy` and `set` are as for `run`.
    `run`: use policy and time of this run or audit, and compare with its ledger; without `config`, take the
    decision from its ledger, for a conversation key. `text`: also apply de-identification to an eligible
    session, as a run does.

    Raises InputError if the inputs have no such conversation, and what `run` raises before it writes.
    """
    from pipeline.commands import explain as command

    where = None if run is None else location_of("run", run)
    if config is not None:
        if where is not None and (as_of is not None or policy is not None):
            raise ConfigError("explain: run excludes as_of and policy; give one of them")
        settings = settings_for(config, as_of=as_of, policy=policy, more=set)
        with masking(builds=True):
            document = command.explain(settings, conversation, where, text)
    elif where is not None:
        document = command.explain_ledger(where, conversation)
    else:
        raise ConfigError("explain: expected a configuration, or run and a conversation key")
    ledger = document["ledger"]
    return Explanation(
        document["conversation_key"],
        document["decision"],
        document["reason"],
        document["clause"],
        document["basis"],
        ledger["agrees"] if ledger else None,
        document,
    )
