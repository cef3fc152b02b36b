"""`chatsieve doctor`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from pipeline.cli.options import AsOf, Config, Consent, Input, Json, Output, Policy, Quiet, Set, tell

if TYPE_CHECKING:
    from pipeline.commands.doctor.examine import Finding


def doctor(
    config: Config,
    as_of: AsOf = None,
    input_: Input = None,
    consent: Consent = None,
    output: Output = None,
    policy: Policy = None,
    set_: Set = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check all that a run needs, and list every fault.

    Each fault is one line with its cure. Nothing is changed: a test object in the output is removed, and the
    content of the logs is not read. Exits with 2 if a run would be refused or would fail, with 4 if it
    cannot start yet, else with 0; a warning stops no run.

    Examples:
        chatsieve doctor -c run.yaml
    """
    from pipeline.commands.doctor.examine import examine
    from pipeline.inputs.config import overrides_of

    found = examine(config, overrides_of(as_of, input_, consent, output, policy, set_))
    if json_:
        document = {
            "ok": not found.exit_code,
            "findings": [each._asdict() for each in found.findings],
            "checked": found.checked,
            "not_checked": found.not_checked,
        }
        typer.echo(json.dumps(document))
    for each in found.findings:
        tell(f"chatsieve: {each.level}: {each.check}: {each.text}", err=True)
    if not quiet:
        for text in found.not_checked:
            tell(f"{config}: not checked: {text}", err=True)
        tell(f"{config}: checked {', '.join(found.checked)}: {_result(found.findings)}", err=True)
    if found.exit_code:
        raise typer.Exit(found.exit_code)


def _result(findings: list[Finding]) -> str:
    levels = [each.level for each in findings]
    counts = {name: levels.count(name) for name in ("fault", "later", "warning")}
    words = {"fault": "fault", "later": "not ready yet", "warning": "warning"}
    told = [
        f"{count} {words[name]}{'s' if count > 1 and name != 'later' else ''}"
        for name, count in counts.items()
        if count
    ]
    return ", ".join(told) or "no findings"
