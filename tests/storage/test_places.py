"""Paths are local, in a bucket, or refused: none that is meant for a bucket becomes a local folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.inputs.config import absolute, resolve_path
from schemas.errors import ConfigError
from tests.support.memory_bucket import MemoryBucket
from transforms.storage.objects import bucket
from transforms.storage.places import check_scheme, files_below, location


@pytest.mark.parametrize("text", ["S3://bucket/x", "s3:/bucket/x", "gs:/bucket/x", "GS:bucket/x", "s3:"])
def test_another_spelling_of_a_bucket_is_refused(text: str) -> None:
    """A dataset would be written to a folder `s3:` on this disk, by a command that ends with 0."""
    for check in (check_scheme, absolute, lambda path: resolve_path(__file__, path)):
        with pytest.raises(ConfigError, match=r"write (s3|gs)://BUCKET/PREFIX"):
            check(text)


def test_a_url_of_another_kind_is_refused_without_its_text() -> None:
    """It may hold a password or a signature."""
    with pytest.raises(ConfigError, match=r"^https:// paths are not supported") as caught:
        absolute("https://user:password@host/x?signature=secret")
    assert "password" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["s3://bucket/x", "gs://bucket/x", "./s3:/x", "/data/gs:/x", "s3/x", "s3-x"])
def test_buckets_and_local_paths_are_taken(text: str) -> None:
    """Files may have any name, with `./` in front."""
    check_scheme(text)


def test_a_nul_character_in_a_path_is_refused() -> None:
    """YAML and Python can write it; the system refuses it with an error of its own."""
    for check in (check_scheme, absolute, lambda path: resolve_path(Path("/x"), path)):
        with pytest.raises(ConfigError, match="has a NUL character"):
            check("out/a\0b")


@pytest.mark.parametrize("name", ["a\nb", "a\tb", "a\x7fb", "a\udcffb"])
def test_a_control_character_in_a_url_is_refused(name: str) -> None:
    """Messages are one line, and the services refuse such names."""
    with pytest.raises(ConfigError, match="without control characters"):
        location(f"s3://bucket/{name}")
    assert str(location("s3://bucket/ä b?+%41")) == "s3://bucket/ä b?+%41"


@pytest.mark.parametrize("name", ["in//a", "in/../a", "in/a\nb"])
def test_a_listed_name_that_is_no_url_refuses_the_prefix(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It could be listed, but not read."""
    memory = MemoryBucket()
    memory.put("in/b", b"x")
    monkeypatch.setattr(bucket, "WRAP", lambda _: memory)
    bucket.client_of.cache_clear()
    assert [path for path, _ in files_below("s3://bucket/in")] == ["s3://bucket/in/b"]
    memory.objects[name] = memory.objects["in/b"]
    with pytest.raises(OSError, match="a name below it has an empty part") as caught:
        files_below("s3://bucket/in")
    assert caught.value.filename == "s3://bucket/in"
    bucket.client_of.cache_clear()
