"""Consent records of ISO/IEC TS 27560 in DPV: purposes, nested processes, lapses, times without a zone."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.consent_systems import RECIPIENTS, Read, refused, source_of, write
from tests.support.samples import sample

LOCAL = {"format": "iso-27560", "purpose": "dpv:Marketing", "time_zone": "Europe/Oslo"}
NO_ZONE = source_of(format="iso-27560", purpose="dpv:Marketing")
NO_ZONE_ERROR = "dpv:isIndicatedAtTime has no time zone; .* time_zone"
SOURCE = source_of(format="iso-27560", purpose="ex:ModelTraining")


def status(name: str, at: str | None, **keys: Any) -> dict[str, Any]:
    times = {} if at is None else {"dpv:isIndicatedAtTime": at}
    return {"@type": [f"dpv:{name}", "dpv:ExpressedConsent"], **times, **keys}


def process(*statuses: dict[str, Any], **keys: Any) -> dict[str, Any]:
    found = {
        "@type": "dpv:Process",
        "dpv:hasPurpose": ["ex:ModelTraining"],
        "dpv:hasConsentStatus": [*statuses],
    }
    return {**found, **keys}


def record(*processes: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {
        "dct:conformsTo": "dpv-27560:record-2",
        "dpv:hasDataSubject": {"@type": ["dpv:DataSubject"], "dpv:hasIdentifier": "u-77"},
        "dct:created": "2025-09-01T00:00:00Z",
        "dpv:hasProcess": [*processes],
        **keys,
    }


def states(read: Read, *days: str) -> list[str]:
    return [read.state("u-77", f"{day}T12:00:00Z") for day in days]


@pytest.mark.samples
def test_the_schemas_own_records_are_read() -> None:
    """Given and withdrawn in local times; two recipients, one refused; a status around all processes."""
    drafts = sample("consent/dpv_27560/drafts")
    withdrawn = drafts / "SEP-01a.json"
    read = Read([withdrawn], source_of(**LOCAL))
    assert read.records.fault is None
    assert read.newest == "2024-01-14T00:25:11Z"
    assert read.state("UUID-4", "2023-11-05T15:08:49Z") == "undecided"
    assert read.state("UUID-4", "2023-11-05T15:08:50Z") == "granted"
    assert read.state("UUID-4", "2024-01-05T15:08:50Z") == "refused"
    recipients = Read([drafts / "SEP-01b.json"], source_of(**LOCAL))
    assert recipients.state("UUID-4", "2023-11-06T00:00:00Z") == "refused"
    outer = source_of(format="iso-27560", purpose="dpv:EnforceSecurity")
    assert Read([drafts / "AUG23.json"], outer).state("3", "2024-08-23T15:21:37Z") == "granted"
    refused(withdrawn, NO_ZONE, NO_ZONE_ERROR, "UUID")
    without = source_of(format="iso-27560", purpose="dpv:AcademicResearch")
    refused(drafts / "AUG22.json", without, "has a process without dpv:hasConsentStatus")


def test_local_times_of_records_without_an_offset_are_read_in_the_sources_zone(tmp_path: Path) -> None:
    """Records may omit the offset: Oslo is one hour ahead in winter. Without a zone the source is refused."""
    given = status("ConsentGiven", "2023-11-05T16:08:50")
    withdrawn = status("ConsentWithdrawn", "2024-01-05T16:08:50")
    marketing = {"dpv:hasPurpose": ["dpv:Marketing", "dpv:ServiceProvision"]}
    path = write(
        tmp_path / "a.json",
        record(process(given, withdrawn, **marketing), **{"dct:created": "2024-01-14T00:25:11.840Z"}),
    )
    read = Read([path], source_of(**LOCAL))
    assert read.records.fault is None
    assert read.newest == "2024-01-14T00:25:11Z"
    assert read.state("u-77", "2023-11-05T15:08:49Z") == "undecided"
    assert read.state("u-77", "2023-11-05T15:08:50Z") == "granted"
    assert read.state("u-77", "2024-01-05T15:08:50Z") == "refused"
    refused(path, NO_ZONE, NO_ZONE_ERROR, "u-77")


def test_one_refused_recipient_refuses_the_purpose(tmp_path: Path) -> None:
    """A process can hold one inner process a recipient; consent must hold for all of them."""
    (tmp_path / "a.json").write_text(json.dumps(RECIPIENTS, indent=2))
    read = Read([tmp_path / "a.json"], source_of(**LOCAL))
    assert read.state("u-77", "2023-11-06T00:00:00Z") == "refused"


def test_a_status_around_all_processes_counts_for_each(tmp_path: Path) -> None:
    """A record may have one status for all its processes; a process without any status refuses the source."""
    inner = {"@type": "dpv:Process", "dpv:hasPurpose": ["ex:ModelTraining"]}
    around = {"dpv:hasConsentStatus": [status("ConsentGiven", "2025-10-01T00:00:00Z")]}
    read = Read([write(tmp_path / "a.json", record(inner, **around))], SOURCE)
    assert states(read, "2025-09-30", "2025-10-02") == ["undecided", "granted"]
    refused(write(tmp_path / "b.json", record(inner)), SOURCE, "has a process without dpv:hasConsentStatus")


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("ConsentGiven", "granted"),
        ("RenewedConsentGiven", "granted"),
        ("ConsentRefused", "refused"),
        ("ConsentWithdrawn", "refused"),
        ("ConsentRevoked", "refused"),
        ("ConsentInvalidated", "refused"),
        ("ConsentExpired", "undecided"),
        ("ConsentUnknown", "undecided"),
    ],
)
def test_each_status_of_the_vocabulary_has_its_state(tmp_path: Path, name: str, state: str) -> None:
    """Both sides of a change: what was granted before is granted before."""
    given, then = status("ConsentGiven", "2025-10-01T00:00:00Z"), status(name, "2025-10-03T00:00:00Z")
    read = Read([write(tmp_path / "a.jsonld", record(process(given, then)))], SOURCE)
    assert states(read, "2025-09-30", "2025-10-02", "2025-10-03") == ["undecided", "granted", state]


@pytest.mark.parametrize("name", ["ConsentRequested", "ConsentRequestDeferred"])
def test_a_request_decides_nothing(tmp_path: Path, name: str) -> None:
    """An earlier decision remains valid. A user who was only asked is undecided."""
    asked = status(name, "2025-10-03T00:00:00Z")
    withdrawn = status("ConsentWithdrawn", "2025-10-01T00:00:00Z")
    read = Read([write(tmp_path / "a.json", record(process(asked, withdrawn)))], SOURCE)
    assert states(read, "2025-10-04") == ["refused"]
    assert states(Read([write(tmp_path / "b.json", record(process(asked)))], SOURCE), "2025-10-04") == [
        "undecided"
    ]


@pytest.mark.parametrize("kind", ["ImpliedConsent", "UninformedConsent"])
def test_consent_must_be_expressed_and_informed(tmp_path: Path, kind: str) -> None:
    """Consent by inaction, or without information about the purpose, does not count."""
    given = status("ConsentGiven", "2025-10-01T00:00:00Z") | {"@type": ["dpv:ConsentGiven", f"dpv:{kind}"]}
    assert states(Read([write(tmp_path / "a.json", record(process(given)))], SOURCE), "2025-10-04") == [
        "undecided"
    ]


def test_a_purpose_is_granted_only_where_all_its_processes_are(tmp_path: Path) -> None:
    """One consent for the provider and one for a third party: a yes to the first is none to the second."""
    first = {"@type": "dpv:Process", "dpv:hasConsentStatus": [status("ConsentGiven", "2025-10-01T00:00:00Z")]}
    second = {
        "dpv:hasConsentStatus": [
            status("ConsentRefused", "2025-10-02T00:00:00Z"),
            status("ConsentGiven", "2025-10-04T00:00:00Z"),
        ]
    }
    outer = {"dpv:hasPurpose": {"skos:broader": ["ex:ModelTraining"]}, "dpv:hasProcess": [first, second]}
    other = process(status("ConsentRefused", "2025-10-05T00:00:00Z"), **{"dpv:hasPurpose": "dpv:Marketing"})
    read = Read([write(tmp_path / "a.json", record(outer, other))], SOURCE)
    days = ("2025-10-01", "2025-10-02", "2025-10-03", "2025-10-04", "2025-10-06")
    assert states(read, *days) == ["undecided", "refused", "refused", "granted", "granted"]


def test_a_consent_lapses_unless_it_was_renewed_before(tmp_path: Path) -> None:
    """A month has as many days as it has; another record, in another file, may renew."""
    month = {"dpv:hasDuration": {"@type": ["dpv:TemporalDuration"], "rdf:value": "P1M"}}
    first = record(process(status("ConsentGiven", "2025-09-15T00:00:00Z", **month)))
    second = record(process(status("RenewedConsentGiven", "2025-10-15T00:00:00Z", **month)))
    late = record(process(status("RenewedConsentGiven", "2025-10-15T00:00:01Z", **month)))
    one, two, three = (write(tmp_path / f"{n}.json", r) for n, r in enumerate((first, second, late)))
    days = ("2025-09-20", "2025-10-14", "2025-10-15", "2025-11-14", "2025-11-15")
    assert states(Read([one], SOURCE), *days) == ["granted", "granted", *["undecided"] * 3]
    assert states(Read([one, two], SOURCE), *days) == [*["granted"] * 4, "undecided"]
    between = Read([one, three], SOURCE)
    assert between.state("u-77", "2025-10-15T00:00:00Z") == "undecided"
    assert states(between, *days) == [*["granted"] * 4, "undecided"]
    until = {"dpv:hasDuration": {"@type": "dpv:UntilTimeDuration", "rdf:value": "2025-10-03T00:00:00Z"}}
    ended = write(
        tmp_path / "u.json", record(process(status("ConsentGiven", "2025-10-01T00:00:00Z", **until)))
    )
    assert states(Read([ended], SOURCE), "2025-10-02", "2025-10-03") == ["granted", "undecided"]
    endless = {"dpv:hasDuration": {"@type": "dpv:EndlessDuration"}}
    never = write(
        tmp_path / "e.json", record(process(status("ConsentGiven", "2025-10-01T00:00:00Z", **endless)))
    )
    assert states(Read([never], SOURCE), "2025-12-31") == ["granted"]


def test_a_refusal_after_a_lapsing_grant_stays_a_refusal(tmp_path: Path) -> None:
    """The expiry of a withdrawn grant has no effect."""
    week = {"dpv:hasDuration": "P7D"}
    steps = process(
        status("ConsentGiven", "2025-10-01T00:00:00Z", **week),
        status("ConsentWithdrawn", "2025-10-03T00:00:00Z"),
    )
    read = Read([write(tmp_path / "a.json", record(steps))], SOURCE)
    assert states(read, "2025-10-02", "2025-10-03", "2025-10-09") == ["granted", "refused", "refused"]


def test_a_local_hour_that_comes_twice_grants_late_and_refuses_early(tmp_path: Path) -> None:
    """Clocks in Berlin show 02:30 of 26 October 2025 twice; the doubt goes against training."""
    local = source_of(format="iso-27560", purpose="ex:ModelTraining", time_zone="Europe/Berlin")
    for name, first, second in (
        ("ConsentGiven", "undecided", "granted"),
        ("ConsentRefused", "refused", "refused"),
    ):
        path = write(tmp_path / f"{name}.json", record(process(status(name, "2025-10-26T02:30:00"))))
        read = Read([path], local)
        assert read.state("u-77", "2025-10-26T00:29:59Z") == "undecided"
        assert read.state("u-77", "2025-10-26T00:30:00Z") == first
        assert read.state("u-77", "2025-10-26T01:30:00Z") == second


def test_graphs_full_names_and_references_are_equivalent(tmp_path: Path) -> None:
    """JSON-LD has many ways to write one record."""
    given = status("ConsentGiven", "2025-10-01T00:00:00Z")
    full = json.dumps(record(process(given))).replace('"dpv:', '"https://w3id.org/dpv#')
    graph = {
        "@context": {"dpv": "https://w3id.org/dpv#"},
        "@graph": [
            record({"@id": "_:p"}, **{"@type": "dpv:ConsentRecord", "@id": "_:r"}),
            {"@id": "_:p", **process({"@id": "_:s"}, **{"dpv:hasPurpose": {"@id": "_:purpose"}})},
            {"@id": "_:s", **given, "dpv:isIndicatedAtTime": {"@value": "2025-10-01T00:00:00Z"}},
            {"@id": "_:purpose", "skos:prefLabel": "ex:ModelTraining"},
        ],
    }
    texts = [full, json.dumps(graph, indent=1), json.dumps([record(process(given))])]
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.jsonld"
        path.write_text(text)
        read = Read([path], SOURCE)
        assert states(read, "2025-09-30", "2025-10-02") == ["undecided", "granted"]
        assert read.records.fault is None


def test_what_was_recorded_after_as_of_is_not_looked_into(tmp_path: Path) -> None:
    """A later record must not change what a run for an earlier moment answers, not even by being wrong."""
    later = record(
        process(status("ConsentDoubled", "2025-10-01T00:00:00Z")), **{"dct:created": "2026-02-01T00:00:00Z"}
    )
    early = record(
        process(
            status("ConsentGiven", "2025-10-01T00:00:00Z"), status("ConsentWithdrawn", "2026-02-01T00:00:00Z")
        )
    )
    read = Read([write(tmp_path / "a.jsonl", early, later)], SOURCE)
    assert states(read, "2025-12-31") == ["granted"]
    assert read.newest == "2025-10-01T00:00:00Z"


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        (("@type",), ["dpv:ConsentPaused"], "consent status 'dpv:ConsentPaused'"),
        (("@type",), ["dpv:ConsentGiven", "ex:Suspended"], "consent status 'ex:Suspended'"),
        (("@type",), ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"], "names no or several"),
        (("@type",), ["dpv:ExpressedConsent"], "names no or several"),
        (("@type",), ["u-77"], "a text that is no plain word"),
        (("dpv:isIndicatedAtTime",), None, "without dpv:isIndicatedAtTime"),
        (("dpv:isIndicatedAtTime",), "2025-10-01", "is not an RFC 3339 time"),
        (("dpv:isIndicatedAtTime",), "2025-10-01T00:00:00", "has no time zone"),
        (
            ("dpv:hasDuration",),
            {"@type": "dpv:UntilEventDuration", "rdf:value": "x"},
            "'dpv:UntilEventDuration'",
        ),
        (("dpv:hasDuration",), {"@type": "dpv:TemporalDuration", "rdf:value": "6 M"}, "no ISO 8601 duration"),
        (("https://w3id.org/dpv#isIndicatedAtTime",), "2025-10-02T00:00:00Z", "are both present"),
    ],
)
def test_a_status_that_is_not_understood_refuses_the_source(
    tmp_path: Path, where: tuple[str], value: Any, words: str
) -> None:
    """It could be a withdrawal. The error names file, place and state, but no user."""
    wrong = status("ConsentGiven", "2025-10-01T00:00:00Z") | {where[0]: value}
    first = record(process(status("ConsentGiven", "2025-10-01T00:00:00Z")))
    path = write(tmp_path / "a.jsonl", first, record(process(wrong)))
    refused(path, SOURCE, f"line 2: .*{words}", "u-77")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"dpv:hasDataSubject": None}, "no identifier of one dpv:hasDataSubject"),
        (
            {"dpv:hasDataSubject": [{"dpv:hasIdentifier": "a"}, {"dpv:hasIdentifier": "b"}]},
            "no identifier of one",
        ),
        ({"dpv:hasDataSubject": {"dpv:hasIdentifier": ["a", "b"]}}, "no identifier of one"),
        ({"dpv:hasDataSubject": {"dpv:hasIdentifier": "\ud800"}}, "is not valid Unicode"),
        ({"dct:created": "2025-09-01T00:00:00"}, "dct:created has no time zone"),
        (
            {"dpv:hasConsentStatus": [status("ConsentGiven", "2025-10-01T00:00:00Z")]},
            "both in a process and around",
        ),
        ({"@context": {"dpv": "https://example.org/#"}}, "gives the prefix dpv another meaning"),
        ({"dpv:hasProcess": [{"@id": "_:gone"}]}, "dpv:hasProcess is neither an object nor the @id of one"),
    ],
)
def test_a_record_that_is_not_understood_refuses_the_source(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    """A record must name its user exactly once, and its parts must be where the standard puts them."""
    whole = record(process(status("ConsentGiven", "2025-10-01T00:00:00Z")))
    path = write(tmp_path / "a.json", copy.deepcopy(whole) | changed)
    refused(path, SOURCE, words, "u-77")
