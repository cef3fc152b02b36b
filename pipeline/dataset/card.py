"""The dataset card: README.md with Hugging Face front matter, and what a reader must know."""

from __future__ import annotations

from schemas.manifest import Manifest


def dataset_card(manifest: Manifest) -> str:
    """The card of a committed run."""
    counts = manifest.counts
    rows = "\n".join(f"| {reason} | {number} |" for reason, number in counts["reasons"].items())
    entities = (
        "\n".join(f"| {kind} | {number} |" for kind, number in manifest.entities.items()) or "| none | 0 |"
    )
    return f"""---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*.parquet
tags:
- conversational
- de-identified
---

# Training-eligible conversations

{counts["training_rows"]} rows from {counts["sessions"]} sessions, decided as of {manifest.as_of}
under the policy `{manifest.policy["id"]}`, consent known until {manifest.known_until}.
Dataset version {manifest.dataset_version}.

Every session that was read has a row in `ledger/`, with the decision and the clause behind it.
Text was de-identified; `<PERSON_1>` and the like are surrogates that hold within one row only.
Remove rows, and copies of them, at their `retain_until` date.
`restricted/` maps keys to rows, for erasure requests. Do not distribute it.
Only what `manifest.json` lists belongs to the dataset; its digests prove each file.

| reason | sessions |
| --- | ---: |
{rows}

| replaced | times |
| --- | ---: |
{entities}
"""
