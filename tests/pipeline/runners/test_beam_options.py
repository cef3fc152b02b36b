"""Beam options after `--`: those that the configuration sets are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands.run import execute
from pipeline.inputs.config import load_settings
from pipeline.runners.progress import Progress
from schemas.errors import ConfigError
from tests.support.command import Corpus


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--direct_running_mode=multi_processing"], "the Beam option --direct_running_mode cannot"),
        (
            ["--direct_running_mode", "multi_threading"],
            "the Beam option --direct_running_mode cannot be used",
        ),
        (["--direct_num_workers=3"], "the Beam option --direct_num_workers cannot"),
        (["--runner=PrismRunner"], "the Beam option --runner cannot"),
        (["--direct_running=multi_processing"], "unknown Beam option --direct_running"),
    ],
)
def test_options_that_start_other_workers_are_refused(
    corpus: Corpus, tmp_path: Path, options: list[str], message: str
) -> None:
    """Beam's own worker processes listen on the network and inherit modules from the working folder."""
    settings = load_settings(corpus.config, {"audit.path": str(tmp_path / "out")})
    with pytest.raises(ConfigError) as caught:
        execute(settings, "audit", options, Progress(False))
    assert str(caught.value).startswith(message)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_other_options_are_passed_on(corpus: Corpus, tmp_path: Path) -> None:
    """The refusal concerns those options only."""
    settings = load_settings(corpus.config, {"audit.path": str(tmp_path / "out")})
    execute(settings, "audit", ["--direct_runner_bundle_repeat=0"], Progress(False))
    assert (tmp_path / "out" / "CURRENT").exists()
