"""Reads a source of consent records: the state of each user, or the error."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from schemas.consent_config import ConsentConfig, FileSource
from schemas.errors import ConsentError
from schemas.keys import KeyedHasher
from schemas.tables import CONSENT, GRANTED, REFUSED, UNDECIDED
from tests.support.command import Corpus
from tests.support.source_files import RUN_KEY
from transforms.consent.snapshots import read_snapshot
from transforms.consent.spilled import temporary_spill
from transforms.consent.systems.read import ConsentRecords, read_consent_records
from transforms.consent.timelines import Timelines

HASHER = KeyedHasher(bytes(32))
AS_OF = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_STATES = {GRANTED: "granted", UNDECIDED: "undecided", REFUSED: "refused"}

#: An ISO 27560 record: user u-77 consented to marketing by one recipient and refused another one.
RECIPIENTS: dict[str, Any] = {
    "dct:conformsTo": "dpv-27560:record-2",
    "dpv:hasIdentifier": "r-1",
    "dpv:hasDataSubject": {"@type": ["dpv:DataSubject", "dpv:Customer"], "dpv:hasIdentifier": "u-77"},
    "dct:created": "2024-01-14T00:25:11.840Z",
    "dpv:hasProcess": [
        {
            "@type": "dpv:Process",
            "dpv:hasPurpose": ["dpv:Marketing", "dpv:ServiceProvision"],
            "dpv:hasPersonalData": ["pd:Name", {"skos:broader": ["pd:Email"], "rdf:value": "a@example.com"}],
            "dpv:hasStorageCondition": [
                {"dpv:hasDuration": {"@type": ["dpv:TemporalDuration"], "rdf:value": "P6M"}}
            ],
            "dpv:hasProcess": [
                {
                    "@type": "dpv:Process",
                    "dpv:hasRecipient": ["company:Alpha"],
                    "dpv:hasConsentStatus": [
                        {
                            "@type": ["dpv:ConsentGiven", "dpv:ExpressedConsent"],
                            "dpv:isIndicatedAtTime": "2023-11-05T16:08:50",
                            "dpv:hasDuration": {"@type": ["dpv:TemporalDuration"], "rdf:value": "P6M"},
                        }
                    ],
                },
                {
                    "@type": "dpv:Process",
                    "dpv:hasRecipient": ["company:Beta"],
                    "dpv:hasConsentStatus": [
                        {
                            "@type": ["dpv:ConsentRefused", "dpv:ExpressedConsent"],
                            "dpv:isIndicatedAtTime": "2023-11-05T16:08:50",
                        }
                    ],
                },
            ],
        }
    ],
    "dpv:hasEntity": {"company:Beta": {"@type": ["dpv:ThirdParty"], "dpv:hasName": "Beta"}},
}


def source_of(**keys: Any) -> FileSource:
    """A source with these config keys."""
    config = ConsentConfig.model_validate({"sources": [{"path": "-", **keys}]})
    return config.sources[0]


def write(path: Path, *records: Any) -> Path:
    """Writes the records as JSON Lines; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


class Read:
    """The result of reading a source, with its consent rows as in a run for `as_of`."""

    def __init__(self, paths: Sequence[Path], source: FileSource, as_of: dt.datetime = AS_OF) -> None:
        self.as_of = as_of
        with temporary_spill(RUN_KEY) as spill:
            self.records: ConsentRecords = read_consent_records(
                [*map(str, paths)], source, HASHER, as_of, spill
            )
            tables = [
                table for spilled in self.records.spilled for table in read_snapshot(spilled, HASHER, as_of)
            ]
        self.consent = pa.concat_tables([CONSENT.empty_table(), *tables])

    @property
    def newest(self) -> str | None:
        """The instant until which the source is complete, as text."""
        instants = [instant for snapshot in self.records.snapshots for instant in snapshot.instants]
        return max(instants).strftime("%Y-%m-%dT%H:%M:%SZ") if instants else None

    def state(self, user_id: str, at: str) -> str:
        """The user's state at an instant as the decision uses it; `unknown` for a user without a row."""
        users = pa.array([HASHER.user(user_id)], pa.binary(16))
        lines = Timelines(
            users, self.consent, as_of=self.as_of, effective_at=dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        )
        instant = dt.datetime.fromisoformat(at)
        instants = pa.array([int(instant.timestamp() * 10**6)], pa.int64()).to_numpy()
        state = _STATES[int(lines.states(pa.array([0]).to_numpy(), instants)[0])]
        return state if lines.in_snapshot[0] else "unknown"


def refused(path: Path, source: FileSource, words: str, *secrets: str) -> None:
    """Asserts that the error is one line with the file's name and these words, without the secrets."""
    with pytest.raises(ConsentError, match=words) as found:
        Read([path], source)
    message = str(found.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert not [secret for secret in secrets if secret in message.removeprefix(str(path))]


def configured(corpus: Corpus, path: Path, consent: dict[str, Any]) -> Path:
    """The path of the corpus's config with another consent section."""
    config = yaml.safe_load(corpus.config.read_text())
    for name in ("authorizations", "deletions", "policy", "deid", "key_file"):
        config[name] = str(corpus.path / config[name])
    config["inputs"][0]["path"] = str(corpus.path / config["inputs"][0]["path"])
    path.write_text(yaml.safe_dump({**config, "consent": consent}))
    return path


def snapshots_of(corpus: Corpus) -> dict[str, list[dict[str, Any]]]:
    """The corpus's consent rows by the time of their snapshot."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((corpus.path / "consent").glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            found.setdefault(row["snapshot_at"].isoformat(), []).append(row)
    return found
