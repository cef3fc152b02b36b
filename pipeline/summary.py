"""The summary a run ends with: what was decided, what was replaced, and where to look."""

from __future__ import annotations

from pipeline.commit import Outcome


def summary(outcome: Outcome) -> str:
    """A few lines for a person."""
    counts = outcome.manifest.counts
    lines = [
        f"{outcome.manifest.kind} as of {outcome.manifest.as_of}, "
        f"consent known until {outcome.manifest.known_until}",
        f"  {counts['records']} records read, {counts['sessions']} sessions, "
        f"{counts['quarantined_records']} unreadable records",
    ]
    for row in outcome.report["reasons"]:
        clause = f" ({row['clause']})" if row["clause"] else ""
        lines.append(f"  {row['sessions']:>9}  {row['decision']}: {row['reason']}{clause}")
    if outcome.manifest.entities:
        replaced = ", ".join(f"{kind} {number}" for kind, number in outcome.manifest.entities.items())
        lines.append(f"  replaced: {replaced}")
    estimate = outcome.report["estimate"]
    if estimate:
        found = ", ".join(f"{kind} {number}" for kind, number in estimate["entities"].items()) or "nothing"
        lines.append(f"  in {estimate['sessions']} sampled eligible sessions: {found}")
    if outcome.manifest.kind == "run":
        lines.append(f"Training rows: {counts['training_rows']} in {outcome.path}/data")
    lines.append(f"Why each session: {outcome.path}/ledger   In numbers: {outcome.path}/report/report.json")
    return "\n".join(lines)
