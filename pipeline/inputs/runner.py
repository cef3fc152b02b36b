"""The runner of a configuration, as a run starts it."""

from __future__ import annotations

from pipeline.inputs.config import Settings
from schemas.errors import ConfigError
from schemas.runners import RunnerConfig


def runner_of(settings: Settings) -> RunnerConfig:
    """The section `runner`, with absolute paths; a program without a slash is looked up on PATH."""
    config = settings.config.runner
    update = {
        name: settings.resolve(given)
        for name in ("program", "job_server_jar")
        if (given := getattr(config, name, None)) is not None and (name != "program" or "/" in given)
    }
    return config.model_copy(update=update)


def check_sees_files(runner: RunnerConfig) -> None:
    """Raises ConfigError if workers elsewhere cannot see the consent that only this machine can read."""
    if not runner.has_local_workers:
        raise ConfigError(
            f"runner: {runner.name}: consent.sources are kept in files of this machine, which workers "
            "elsewhere do not see; give consent.snapshots, or use direct, prism or LOOPBACK"
        )
