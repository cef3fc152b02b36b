"""`chatsieve audit --policy A --policy B ...`: audits several policies in one pass over the input.

Each audit is committed to a folder below `output.path`, named after its policy. `what-if.json` in
`output.path` compares their counts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import msgspec

from pipeline.commands.commit import Outcome
from pipeline.commands.diff import diff
from pipeline.commands.run import execute_packs
from pipeline.inputs.config import Settings
from pipeline.runners.progress import Progress
from schemas.decisions import listing_order
from schemas.errors import OutputError
from transforms.storage.places import is_remote, store_of

WHAT_IF = "what-if.json"


def compare_policies(
    settings: Settings, beam_arguments: Sequence[str], progress: Progress, compare: PurePath | None = None
) -> tuple[list[Outcome], dict[str, Any]]:
    """The outcome of each policy, in the given order, and the document written to `what-if.json`."""
    root = settings.output_path("audit")
    ids = [pack.policy.id for pack in settings.packs]
    store = store_of(root)
    held = store.entries()
    created = not is_remote(root) and not Path(root).exists()
    if held and WHAT_IF not in held:
        raise OutputError(
            f"{root}: not empty and without {WHAT_IF}; several policies write a folder each, "
            "so give an empty or new output.path"
        )
    try:
        paths = [root / name for name in ids]
        outcomes = execute_packs(settings, "audit", paths, beam_arguments, progress, compare=compare)
    except BaseException:
        if created:
            with contextlib.suppress(OSError):
                Path(root).rmdir()
        raise
    document = _side_by_side(outcomes)
    store.put(WHAT_IF, msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    return outcomes, document


def _side_by_side(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Sessions by reason and policy, and the changed sessions between the first policy and each other."""
    counts: dict[tuple[str, str], list[int]] = {}
    for number, outcome in enumerate(outcomes):
        for row in outcome.report["reasons"]:
            key = (row["decision"], row["reason"])
            counts.setdefault(key, [0] * len(outcomes))[number] += row["sessions"]
    first = outcomes[0]
    return {
        "kind": "what-if",
        "as_of": first.manifest.as_of,
        "known_until": first.manifest.known_until,
        "policies": [
            {
                "id": outcome.manifest.policy["id"],
                "sha256": outcome.manifest.policy["sha256"],
                "path": outcome.path.name,
                "eligible": outcome.report["counts"]["decisions"].get("eligible", 0),
                "messages_kept": outcome.report["counts"]["messages_kept"],
            }
            for outcome in outcomes
        ],
        "reasons": [
            {"decision": decision, "reason": reason, "sessions": sessions}
            for (decision, reason), sessions in sorted(
                counts.items(), key=lambda item: listing_order(item[0][1])
            )
        ],
        "against_first": [_flips(first, outcome) for outcome in outcomes[1:]],
    }


def _flips(first: Outcome, other: Outcome) -> dict[str, Any]:
    compared = diff(first.path, other.path, most_keys=0)
    changed = [{k: v for k, v in row.items() if k != "keys"} for row in compared["changed"]]
    return {"policy": other.manifest.policy["id"], "sessions": compared["sessions"], "changed": changed}
