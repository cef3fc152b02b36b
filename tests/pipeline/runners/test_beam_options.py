"""Beam options after `--`: none names another runner or what the configuration sets, in any spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands.run import execute
from pipeline.inputs.config import load_settings
from pipeline.runners.options import checked
from pipeline.runners.progress import Progress
from schemas.errors import ConfigError
from tests.support.command import Corpus

_ANOTHER_RUNNER = [
    ["--runner=PrismRunner"],
    ["--runner", "PrismRunner"],
    ["--runner"],
    ["--runner="],
    ["-runner=PrismRunner"],
    ["-r", "PrismRunner"],
    ["-rPrismRunner"],
    ["--runn=PrismRunner"],
    ["--r", "PrismRunner"],
    ["--Runner=PrismRunner"],
    ["--RUNNER=PrismRunner"],
    ["---runner=PrismRunner"],
    ["-- runner=PrismRunner"],
    ["--runner =PrismRunner"],
    ["\N{EM DASH}runner=PrismRunner"],
    ["runner=PrismRunner"],
    ["PrismRunner"],
    ["--", "--runner=PrismRunner"],
    ["--", "PrismRunner"],
    ["--job_name=x", "--runner=PrismRunner"],
    ["--job_name", "x", "--runner", "PrismRunner"],
    ["--job_name", "--runner=PrismRunner"],
    ["@options.txt"],
    ["--options=--runner=PrismRunner"],
    ["--help"],
    ["-h"],
]


@pytest.mark.parametrize("options", _ANOTHER_RUNNER, ids=" ".join)
def test_no_spelling_names_another_runner(options: list[str]) -> None:
    """An option that Beam does not know, or does not take, would be ignored: the run would be local."""
    with pytest.raises(ConfigError):
        checked(options)


_SET_ELSEWHERE = [
    "--direct_running_mode=multi_processing",
    "--direct-running-mode=multi_processing",
    "--direct_num_workers=3",
    "--direct-num-workers=3",
    "--job_endpoint=localhost:1",
    "--job-endpoint=localhost:1",
    "--artifact_endpoint=localhost:1",
    "--environment_type=LOOPBACK",
    "--environment-type=LOOPBACK",
    "--environment_config=x",
    "--environment_option=x",
    "--environment_options=x",
    "--job_server_timeout=1",
    "--job-server-timeout=1",
    "--flink_master=x",
    "--flink_submit_uber_jar",
    "--spark_master_url=local",
    "--spark_rest_url=x",
    "--prism_location=x",
    "--project=x",
    "--region=x",
    "--temp_location=gs://x/y",
    "--sdk_container_image=x",
    "--worker_harness_container_image=x",
    "--machine_type=x",
    "--worker_machine_type=x",
    "--no_use_public_ips",
    "--use_public_ips",
    "--streaming",
    "--output_executable_path=x.jar",
    "--no_wait_until_finish",
]


@pytest.mark.parametrize("option", _SET_ELSEWHERE)
def test_what_the_configuration_sets_is_refused(option: str) -> None:
    """Two places for one setting: one of them would be ignored."""
    with pytest.raises(ConfigError, match=r"cannot be used; set `runner` in the configuration$"):
        checked([option])


@pytest.mark.parametrize(
    "option", ["--s3_secret_access_key=x", "--s3-access-key-id=x", "--azure_connection_string=x"]
)
def test_credentials_are_refused_without_their_value(option: str) -> None:
    """Options are part of the graph, which a job service shows to everyone."""
    with pytest.raises(ConfigError, match="set the variables of the environment") as caught:
        checked([option.replace("=x", "=abcdefgh")])
    assert "abcdefgh" not in str(caught.value)


@pytest.mark.parametrize(
    "option", ["--setup_file=x", "--extra_package=x", "--requirements_file=x", "--save_main_session"]
)
def test_nothing_is_sent_to_workers(option: str) -> None:
    """A worker with another version of this package would write other bytes."""
    with pytest.raises(ConfigError, match="install what workers need"):
        checked([option])


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ([], []),
        (["--parallelism=8"], ["--parallelism=8"]),
        (["--parallelism", "8"], ["--parallelism=8"]),
        (["--max-parallelism", "8"], ["--max_parallelism=8"]),
        (["--experiments=a=b", "--experiment", "c"], ["--experiment=a=b", "--experiment=c"]),
        (["--enable_hot_key_logging"], ["--enable_hot_key_logging"]),
        (["--job_name=--runner=x"], ["--job_name=--runner=x"]),
    ],
)
def test_other_options_are_passed_on_in_one_spelling(given: list[str], passed: list[str]) -> None:
    """Beam must read the option that was checked."""
    assert checked(given) == passed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--parallelism"], "the Beam option --parallelism needs a value; write --parallelism=VALUE"),
        (["--parallelism="], "the Beam option --parallelism needs a value; write --parallelism=VALUE"),
        (["--enable_hot_key_logging=1"], "the Beam option --enable_hot_key_logging takes no value"),
        (["--paralelism=8"], "unknown Beam option --paralelism; check its spelling"),
        (["x"], "unknown Beam option x; expected --NAME=VALUE after --"),
    ],
)
def test_a_faulty_option_is_named(options: list[str], message: str) -> None:
    """One line with what to do."""
    with pytest.raises(ConfigError) as caught:
        checked(options)
    assert str(caught.value) == message


@pytest.mark.parametrize("options", [["--runner=PrismRunner"], ["--parallelism=many"]])
def test_a_refused_option_leaves_nothing(corpus: Corpus, tmp_path: Path, options: list[str]) -> None:
    """Also one that Beam itself refuses."""
    settings = load_settings(corpus.config, {"audit.path": str(tmp_path / "out")})
    with pytest.raises(ConfigError) as caught:
        execute(settings, "audit", options, Progress(False))
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_an_allowed_option_does_not_hinder(corpus: Corpus, tmp_path: Path) -> None:
    """The refusal concerns those options only."""
    settings = load_settings(corpus.config, {"audit.path": str(tmp_path / "out")})
    execute(settings, "audit", ["--direct_runner_bundle_repeat=0"], Progress(False))
    assert (tmp_path / "out" / "CURRENT").exists()
