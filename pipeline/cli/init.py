"""`chatsieve init`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.asking import Options, Terminal
from pipeline.cli.completion import deid_configs, policies
from pipeline.cli.options import Quiet, tell
from schemas.errors import ConfigError


def init(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH", help="The logs: files, folders or globs.")
    ] = None,
    config: Annotated[
        Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration to write.")
    ] = Path("chatsieve.yaml"),
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="`mapped`: take all files for a schema of your own."),
    ] = None,
    user_id: Annotated[
        str | None,
        typer.Option("--user-id", metavar="ID", help="The user of records that name none; '' for none."),
    ] = None,
    organization_id: Annotated[
        str | None,
        typer.Option("--organization-id", metavar="ID", help="The organisation of records without a tier."),
    ] = None,
    tier: Annotated[
        str | None, typer.Option("--tier", metavar="TIER", help="The tier of records that have none.")
    ] = None,
    surface: Annotated[
        str | None, typer.Option("--surface", metavar="SURFACE", help="The surface of records without one.")
    ] = None,
    created_at: Annotated[
        str | None, typer.Option("--created-at", metavar="TIME", help="The time of records that have none.")
    ] = None,
    fill: Annotated[
        list[str] | None,
        typer.Option(
            "--fill",
            metavar="KEY=VALUE",
            help="An answer about your own schema, such as tier.plus=pro, role.helpbot=assistant or "
            "time_zone=UTC. Can be repeated.",
        ),
    ] = None,
    consent: Annotated[
        list[str] | None,
        typer.Option(
            "--consent",
            metavar="PATH",
            help="Consent snapshots, or none: a file to fill in is made. Can be repeated.",
        ),
    ] = None,
    authorizations: Annotated[
        str | None,
        typer.Option("--authorizations", metavar="FILE", help="Authorisations of organisations."),
    ] = None,
    deletions: Annotated[
        str | None, typer.Option("--deletions", metavar="FILE", help="Deleted users and conversations.")
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            metavar="POLICY",
            autocompletion=policies,
            help="The policy, a name or file. [default: consumer-terms-2025-09-28]",
        ),
    ] = None,
    deid: Annotated[
        str | None,
        typer.Option(
            "--deid",
            metavar="DEID",
            autocompletion=deid_configs,
            help="The de-identification config, a name or file. [default: default]",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", metavar="FOLDER", help="The folder or URL of the dataset. [default: out/dataset]"
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TIME", help="The time to decide for. [default: that of each run]"),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            metavar="FILE",
            help="The key: made if it does not exist, else kept. [default: chatsieve.key beside the "
            "configuration]",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; take the defaults.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a configuration and a consent file; never a key.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write a configuration that runs, and a key.

    Detects the formats of the logs and asks what they do not contain. With an option for each answer, nothing
    is asked. Without a terminal, a missing option is an error.

    Examples:
        chatsieve init
        chatsieve init logs --consent "consent/*.parquet" --yes
    """
    from pipeline.commands.init.files import check_apart, check_free, check_key, write_files
    from pipeline.commands.init.flow import answers_of
    from pipeline.commands.init.questions import paths as of_paths

    config = config.expanduser().absolute()
    key = key_file.expanduser().absolute() if key_file else config.parent / "chatsieve.key"
    check_free(config, force)
    check_key(key)
    if format_ not in (None, "mapped"):
        raise ConfigError(f"--format {format_}: known formats are detected; give mapped, or leave it out")
    given = {
        "user_id": user_id,
        "organization_id": organization_id,
        "tier": tier,
        "surface": surface,
        "created_at": created_at,
        "authorizations": authorizations,
        "deletions": deletions,
        "policy": policy,
        "deid": deid,
        "output": output,
        "as_of": as_of,
    }
    answered = {name: [text] for name, text in given.items() if text is not None}
    answered |= {name: texts for name, texts in (("paths", paths), ("consent", consent)) if texts}
    has_terminal = sys.stdin.isatty() and sys.stderr.isatty() and not yes
    ask = (Terminal if has_terminal else Options)(answered, _fills(fill or []), yes, quiet)
    logs = ask.several(of_paths())
    if ask.missing:
        raise ConfigError("missing: PATH, a file, folder or glob with logs; give it")
    answers = answers_of(logs, format_, config, key, ask)
    ask.check_complete()
    check_apart(answers, logs)
    if not answers.consent:
        check_free(answers.consent_file, force)
    for line in write_files(answers):
        if not quiet:
            tell(line, err=True)
    if not quiet:
        name = shlex.quote(
            str(config.relative_to(Path.cwd()) if config.is_relative_to(Path.cwd()) else config)
        )
        tell("next:", err=True)
        for command in ("doctor", "audit", "run"):
            tell(f"  chatsieve {command} -c {name}", err=True)


def _fills(texts: list[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        key, sign, value = text.rpartition("=")
        if not sign or not key or not value:
            raise ConfigError(f"--fill {text}: expected KEY=VALUE, such as --fill tier.plus=pro")
        found[key] = value
    return found
