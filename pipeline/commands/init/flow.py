"""The questions in order: later ones depend on the logs, and on earlier answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.commands.init import questions
from pipeline.commands.init.checks import policy_of, staleness
from pipeline.commands.init.document import Answers
from pipeline.commands.init.proposal import Proposal, propose_inputs
from pipeline.commands.init.questions import Asker
from pipeline.inputs.config import absolute
from schemas.policy import Policy
from transforms.sources.suggest.lines import scalar


def answers_of(
    paths: Sequence[str], source_format: str | None, config: Path, key_file: Path, ask: Asker
) -> Answers:
    """The answers to all questions about the logs at `paths`. InputError for logs that cannot be read.

    Where the asker has no answer, that of this function is incomplete: the asker knows what was missing.
    """
    found = propose_inputs([absolute(path) for path in paths], source_format, config.parent)
    for ending, count in found.unread.items():
        files = "1 file has" if count == 1 else f"{count:,} files have"
        ask.tell(
            f"*{ending}: {files} no known format and no messages; if the path in the configuration matches, "
            "the run quarantines what they have"
        )
    ask.note(f"formats: {', '.join(dict.fromkeys(found.formats))}")
    policy = ask.one(questions.policy())
    rules = policy_of(policy)
    filled = _filled(found, rules, ask)
    authorizations = ask.one(questions.authorizations(_may_be_excluded(found, filled, rules)))
    consent = [path for path in ask.several(questions.consent()) if path]
    as_of = _as_of(consent, rules, ask)
    return Answers(
        config=config,
        key_file=key_file,
        inputs=_with_organization(found.filled(filled), filled),
        consent=consent,
        owner=filled.get("user_id", ""),
        policy=policy,
        deid=ask.one(questions.deid()),
        output=ask.one(questions.output()),
        as_of=as_of,
        authorizations=authorizations,
        deletions=ask.one(questions.deletions()),
    )


def _filled(found: Proposal, rules: Policy, ask: Asker) -> dict[str, str]:
    """The answer for each value that the logs lack, by key."""
    filled = {key: ask.one(questions.open_value(key, found, rules)) for key in found.keys}
    for key in found.lists:
        for pair in ask.several(questions.more_values(key, found, rules)):
            value, _, meaning = pair.rpartition("=")
            filled[f"{key}.{value}"] = meaning
    if filled.get("tier") in rules.tiers.excluded:
        filled["organization_id"] = ask.one(questions.organization())
    return filled


def _may_be_excluded(found: Proposal, filled: dict[str, str], rules: Policy) -> bool:
    """True if sessions may have a tier that the policy excludes: the given one, or those of the records."""
    return "tier" not in found.keys or filled.get("tier") in rules.tiers.excluded


def _as_of(consent: Sequence[str], rules: Policy, ask: Asker) -> str:
    stale = staleness(consent, rules, "") if consent else None
    as_of = ask.one(questions.as_of(stale))
    if as_of and (still := staleness(consent, rules, as_of) if consent else None):
        ask.tell(still)
    elif stale and not as_of:
        ask.tell(stale)
    return as_of


def _with_organization(lines: Sequence[str], filled: Mapping[str, str]) -> list[str]:
    """The lines with the organisation after each tier that is given for records without one."""
    organization, tier = filled.get("organization_id"), f"      tier: {scalar(filled.get('tier', ''))}"
    made = list[str]()
    for text in lines:
        made.append(text)
        if organization and text == tier:
            made.append(f"      organization_id: {scalar(organization)}")
    return made
