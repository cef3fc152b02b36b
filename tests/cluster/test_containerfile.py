"""The reader of Containerfiles that the test of the image uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.containerfile import build, steps_of


def _nothing(_: Path) -> None:
    """The root of an empty image."""


def test_steps_are_read_with_continued_lines_and_without_comments() -> None:
    """A step that is read in part would be tested in part."""
    text = "# a comment\nENV A=1 \\\n    B=2\n\nRUN one \\\n  && two\n"
    assert steps_of(text) == [("ENV", "A=1 B=2"), ("RUN", "one && two")]


def test_the_containerfile_has_only_steps_that_are_run() -> None:
    """An image engine runs all steps; the test of the image must run the same ones."""
    text = (Path(__file__).resolve().parents[2] / "Containerfile").read_text()
    supported = {"ARG", "FROM", "COPY", "RUN", "ENV", "WORKDIR", "USER", "ENTRYPOINT"}
    assert {name for name, _ in steps_of(text)} == supported


@pytest.mark.parametrize("step", ["RUN true", "FROM other AS x", "FROM base AS x\nADD a b"])
def test_an_unknown_step_is_an_error(tmp_path: Path, step: str) -> None:
    """A step that is ignored makes another image than the one of an engine."""
    with pytest.raises(ValueError):
        build(step, tmp_path, {"base": _nothing}, tmp_path / "out", lambda *_: None)


def test_stages_pass_files_and_settings_on(tmp_path: Path) -> None:
    """A stage begins with the files and settings of the stage that it is made from."""
    (tmp_path / "file").write_text("content")
    (tmp_path / "folder").mkdir()
    ran: list[tuple[str, dict[str, str]]] = []
    text = (
        "ARG BASE=base\nFROM ${BASE} AS first\nCOPY file /a/file\nENV A=1\nRUN step\n"
        'FROM base AS second\nCOPY --from=first /a /b\nUSER 5:6\nWORKDIR /w\nENTRYPOINT ["x"]\n'
        "FROM second AS third\nENV C=3\n"
    )
    stages = build(
        text,
        tmp_path,
        {"base": _nothing},
        tmp_path / "out",
        lambda _, c, e: ran.append((c, dict(e))),
    )
    assert [(command, environment["A"]) for command, environment in ran] == [("step", "1")]
    third = stages["third"]
    assert (third.root / "b/file").read_text() == "content"
    assert (third.user, third.folder, third.entrypoint) == ((5, 6), "/w", ["x"])
    assert "C" in third.environment
    assert "C" not in stages["second"].environment
