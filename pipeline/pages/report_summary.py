"""The sentences at the top of a report page. They are part of the written page."""

from __future__ import annotations

from typing import Any

from pipeline.pages.page import count, instant, percent, points


def headline(report: dict[str, Any]) -> str:
    """How many sessions are eligible, in one sentence."""
    counts = report["counts"]
    total, eligible = counts["sessions"], counts["decisions"].get("eligible", 0)
    verb = "are" if report["kind"] == "run" else "would be"
    if counts["ledger_rows"] == 0:
        return "Nothing was read"
    if total == 0:
        return "No record could be read"
    if not isinstance(total, int) or not isinstance(eligible, int):
        return f"{count(total)} sessions were decided; how many are eligible is withheld"
    part = percent(eligible / total)
    return f"{count(eligible)} of {count(total)} sessions {verb} eligible for training ({part})"


def age(seconds: int) -> str:
    """A time span in its two largest units."""
    if seconds < 0:
        return "0 minutes"
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    parts = [(days, "day"), (hours, "hour"), (rest // 60, "minute")]
    first = next((place for place, (number, _) in enumerate(parts) if number), 2)
    listed = [f"{number} {unit}{'' if number == 1 else 's'}" for number, unit in parts[first : first + 2]]
    return " ".join(part for part in listed if not part.startswith("0 ")) or "0 minutes"


def refusals(report: dict[str, Any]) -> dict[str, Any]:
    """How many eligible sessions are of users who refuse (`answer`), if it is `good`, `how` it is known."""
    consent = report["consent"]
    through = consent["refused_eligible"]
    refused = [cell["sessions"] for cell in consent["sessions"] if cell["state"] == "refused"]
    total = sum(number for number in refused if isinstance(number, int))
    none = through["sessions"] == 0
    if none:
        answer = "None. Not one session of a user who refuses is eligible."
    elif through["unexplained"] == 0:
        kept = through["exceptions"][0]
        answer = (
            f"{count(through['sessions'])}, all of them by a rule of the policy. {kept['text']}: "
            f"{count(kept['sessions'])} sessions."
        )
    else:
        answer = (
            f"{count(through['sessions'])}, of which {count(through['unexplained'])} are not explained by "
            "any rule of the policy. Release nothing until this is understood."
        )
    how = (
        "Independently of the decisions, a second program found for every session the newest choice of its "
        f"user at {instant(report['as_of'])}. It reads only the consent snapshots. "
        f"{count(total)} sessions are of users who refuse at that time; the table lists them by decision. "
        f"Choices after {instant(report['known_until'])}, the time of the newest snapshot, are not known yet."
    )
    return {"good": none or through["unexplained"] == 0, "answer": answer, "how": how}


def changed(report: dict[str, Any]) -> list[str]:
    """The changes since the run compared with, in sentences, the largest cause first."""
    previous = report["previous"]
    if previous is None:
        return []
    rows = {row["reason"]: row for row in previous["reasons"]}
    sentences = [_totals(report, previous)]
    eligible = rows.get("eligible")
    if eligible and eligible["then"]:
        sentences.append(_eligible(eligible))
        sentences += _volume(eligible, previous["sessions"], report["counts"]["ledger_rows"])
        causes = [row for row in previous["reasons"] if row["reason"] != "eligible" and row["moved"]]
        sign = 1 if (eligible["moved"] or 0) < 0 else -1
        causes = sorted(
            (row for row in causes if row["moved"] * sign > 0), key=lambda row: -abs(row["moved"])
        )
        if causes and eligible["moved"]:
            sentences.append(_causes(causes, report, abs(eligible["moved"])))
    if previous["policy_id"] != report["policy"]["id"]:
        sentences.append(
            f"The policy is another: {previous['policy_id']} then, {report['policy']['id']} now."
        )
    return sentences


def _totals(report: dict[str, Any], previous: dict[str, Any]) -> str:
    return (
        f"Compared with {previous['name']} (version {previous['dataset_version']}, {previous['kind']} as of "
        f"{instant(previous['as_of'])}): {count(previous['sessions'])} sessions then, "
        f"{count(report['counts']['ledger_rows'])} now."
    )


def _eligible(row: dict[str, Any]) -> str:
    difference = (row["now"] - row["then"]) / row["then"]
    way = "rose" if difference > 0 else "fell" if difference < 0 else "stayed"
    return (
        f"Eligible sessions {way} from {count(row['then'])} to {count(row['now'])} "
        f"({difference * 100:+.1f}\u00a0%); their share went from {percent(row['then_share'])} to "
        f"{percent(row['now_share'])}, {points(row['moved'])} points."
    ).replace("-", "\u2212")


def _volume(row: dict[str, Any], then: Any, now: Any) -> list[str]:
    """How much of a change comes from the number of sessions read, if that is at least a twentieth of it."""
    if not isinstance(then, int) or not isinstance(now, int) or row["now"] == row["then"] or not then:
        return []
    by_number = round(row["then"] * now / then) - row["then"]
    by_share = row["now"] - row["then"] - by_number
    if abs(by_number) < 0.05 * (abs(by_number) + abs(by_share)):
        return []
    way, larger = ("more" if now > then else "fewer"), ("larger" if by_share > 0 else "smaller")
    text = f"That is {_signed(by_number)} because {way} sessions were read in all"
    if by_share:
        text += f" and {_signed(by_share)} because a {larger} share of them is eligible"
    advice = " Most of the change is in what was read: see the inputs below." if way == "fewer" else ""
    return [text + "." + (advice if abs(by_number) > abs(by_share) else "")]


def _signed(number: int) -> str:
    return f"{number:+,}".replace("-", "\u2212")


def _causes(causes: list[dict[str, Any]], report: dict[str, Any], moved: float) -> str:
    """The reason that explains most of the change, with its rule, and up to two more."""
    first = causes[0]
    words = {row["reason"]: row["summary"] for row in report["reasons"]}
    grew = "more" if first["now"] > first["then"] else "fewer"
    meaning = f" ({words[first['reason']]})" if words.get(first["reason"]) else ""
    text = (
        f"The largest cause is {first['reason']}{meaning}: {percent(first['then_share'])} of sessions then, "
        f"{percent(first['now_share'])} now, {count(abs(first['now'] - first['then']))} sessions {grew}; "
        f"that is {percent(min(1.0, abs(first['moved']) / moved), 0)} of the change."
    )
    more = [row for row in causes[1:3] if abs(row["moved"]) >= 0.05 * moved]
    if more:
        listed = ", ".join(f"{row['reason']} ({points(row['moved'])} points)" for row in more)
        text += f" After it: {listed}."
    return text
