"""The text of a new configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from pipeline.commands.init.proposal import placed
from pipeline.inputs.packaged import packaged_folder
from transforms.sources.suggest.lines import scalar


@dataclasses.dataclass(frozen=True)
class Answers:
    """Everything that the files are made of. Paths are absolute; `inputs`: the lines of the section.

    `consent`: empty if there are no snapshots; then a file for them is made. `owner`: the user whose id the
    logs lack, if there is one. `as_of`, `authorizations`, `deletions`: empty for none.
    """

    config: Path
    key_file: Path
    inputs: Sequence[str]
    consent: Sequence[str]
    owner: str
    policy: str
    deid: str
    output: str
    as_of: str = ""
    authorizations: str = ""
    deletions: str = ""

    @property
    def consent_file(self) -> Path:
        """The file that is made where there are no snapshots."""
        return self.config.parent / "consent.csv"


def config_text(answers: Answers) -> str:
    """The configuration as YAML, with a comment for each section. Its paths start from its folder."""
    folder = answers.config.parent

    def named(path: str | Path) -> str:
        return scalar(placed(str(path), folder))

    schema = packaged_folder("configs") / "schemas/run.schema.json"
    snapshots = answers.consent or [str(answers.consent_file)]
    lists = [
        f"{name}: {named(path)}"
        for name in ("authorizations", "deletions")
        if (path := getattr(answers, name))
    ]
    return "\n".join(
        [
            f"# yaml-language-server: $schema={schema}",
            "# Made by `chatsieve init`. Relative paths start from the folder of this file.",
            "",
            "# What is read. `defaults` are for records that lack a value; a value of a record comes first.",
            "inputs:",
            *answers.inputs,
            "",
            "# Who agreed to training. Columns: user_id, state (granted, refused or empty), decided_at and",
            "# snapshot_at. A user in no row is excluded. The policy limits the age of the snapshots.",
            "consent:",
            "  snapshots:",
            *(f"    - {named(path)}" for path in snapshots),
            "",
            *(_LISTS if lists else ()),
            *(lists or _NO_LISTS),
            "",
            "# The rules of every decision: a name of `chatsieve policy list`, or a file.",
            f"policy: {_config(answers.policy, folder)}",
            "",
            "# What is masked in the texts: `default`, or a file.",
            f"deid: {_config(answers.deid, folder)}",
            "",
            "# The moment to decide for, with an offset. null: the start of each run.",
            f"as_of: {answers.as_of or 'null'}",
            "",
            "# The key links the keys in the dataset to ids. Keep it, and keep it secret.",
            f"key_file: {named(answers.key_file)}",
            "",
            "# A folder, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX. new_version: the next run adds a version.",
            "output:",
            f"  path: {named(answers.output)}",
            "  target_shard_bytes: 256MiB",
            "  on_exists: new_version",
            "",
            "# One worker per processor core is a good start.",
            "runner: {name: direct, workers: 2}",
            "",
        ]
    )


_LISTS = ("# Contracts of organisations whose tier is excluded otherwise, and what was deleted.",)
_NO_LISTS = (
    "# Contracts of organisations whose tier is excluded otherwise, and what was deleted:",
    "# authorizations: authorizations.csv   # organization_id,surface,valid_from,valid_to,reference",
    "# deletions: deletions.csv             # kind (user or conversation),id,deleted_at",
)


def _config(given: str, folder: Path) -> str:
    """A packaged name as it is; a path as the configuration names it."""
    return scalar(placed(given, folder) if Path(given).is_absolute() else given)
