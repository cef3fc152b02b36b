"""The units of configs/systemd: accepted by systemd's own check, and the command run as the manager would."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.dataset.change import begin_change_of_existing
from tests.schedulers.units import command_of, directives
from tests.support.command import COMMAND, ROOT, Corpus, current
from tests.support.debian_packages import found_or_installed

UNITS = ROOT / "configs/systemd"
SERVICE, TIMER = UNITS / "chatsieve.service", UNITS / "chatsieve.timer"
INSTALLED = "/opt/chatsieve/bin/chatsieve"
#: Exposure in tenths, of at most 100, that `systemd-analyze security` gives these units.
MOST_EXPOSED = 15


def analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = found_or_installed(lambda: shutil.which("systemd-analyze"), "systemd", "units are not checked")
    given = [program, *map(str, arguments)]
    return subprocess.run(given, capture_output=True, text=True, check=False)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with the path of a command that is there, since systemd looks for it."""
    for path in (SERVICE, TIMER):
        (tmp_path / path.name).write_text(path.read_text().replace(INSTALLED, str(COMMAND)))
    return tmp_path


def test_systemd_knows_every_directive_and_value(units: Path) -> None:
    """It ignores what it does not know, with a warning only: a retry or a restriction would be lost."""
    files = (units / SERVICE.name, units / TIMER.name)
    done = analyze("verify", "--man=no", *files)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    whole = files[0].read_text()
    for planted in ("Restrictions=yes", "RestartSec=soon", "SystemCallFilter=@no-such", "Type=oneshot"):
        files[0].write_text(f"{whole}{planted}\n")
        assert analyze("verify", "--man=no", *files).stderr != ""


def test_the_service_has_no_right_that_it_does_not_need(units: Path) -> None:
    """The figure of systemd's own list of restrictions."""
    service = units / SERVICE.name
    limit = f"--threshold={MOST_EXPOSED}"
    assert analyze("security", "--offline=true", limit, service).returncode == 0
    service.write_text(
        service.read_text().replace("ProtectSystem=strict\n", "").replace("PrivateNetwork=yes\n", "")
    )
    assert analyze("security", "--offline=true", limit, service).returncode != 0


def test_only_exit_code_4_starts_the_service_again() -> None:
    """It waits four hours for inputs, and then fails, before the next night."""
    unit, service = directives(SERVICE)["Unit"], directives(SERVICE)["Service"]
    assert (service["RestartForceExitStatus"], service["SuccessExitStatus"]) == ("4", "4")
    assert (service["Restart"], service["Type"]) == ("no", "exec")
    pause = {"10min": 600}[service["RestartSec"]]
    interval = {"6h": 21_600}[unit["StartLimitIntervalSec"]]
    assert 4 * 3600 <= pause * (int(unit["StartLimitBurst"]) - 1) < interval
    assert (
        directives(TIMER)["Timer"]["Persistent"] == "yes"
        or directives(TIMER)["Timer"]["Persistent"] == "true"
    )
    assert analyze("calendar", directives(TIMER)["Timer"]["OnCalendar"]).returncode == 0


@pytest.mark.cluster
def test_the_command_line_runs_as_the_manager_starts_it(corpus: Corpus, tmp_path: Path) -> None:
    """With the key as a credential, the service's folder, and no variable of a login."""
    credentials, state = tmp_path / "credentials", tmp_path / "state"
    credentials.mkdir(mode=0o500)
    state.mkdir()
    (credentials / "chatsieve.key").write_text("5" * 64)
    (credentials / "chatsieve.key").chmod(0o400)
    service = directives(SERVICE)
    assert service["Service"]["LoadCredential"].startswith("chatsieve.key:")
    command = command_of(service, credentials)
    assert command[0] == INSTALLED
    config = command.index("-c") + 1
    own = Corpus(shutil.copytree(corpus.path, tmp_path / "corpus"))
    text = re.sub(r"create_key: true.*", "", own.config.read_text())
    own.config.write_text(text.replace("  path: out", f"  path: {state}/dataset"))
    command = [str(COMMAND), *command[1:config], str(own.config), *command[config + 1 :]]
    variables = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
        "LANG": "C.UTF-8",
        "CREDENTIALS_DIRECTORY": str(credentials),
        "STATE_DIRECTORY": str(state),
        "HOME": "/",
    }

    def start() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=variables, cwd=state, capture_output=True, text=True, check=False, umask=0o027
        )

    done = start()
    assert done.returncode == 0, done.stderr
    folder = current(state / "dataset")
    assert json.loads((folder / "manifest.json").read_bytes())["kind"] == "run"
    assert folder.stat().st_mode & 0o777 == 0o750
    held, _ = begin_change_of_existing(state / "dataset")
    done = start()
    held.release()
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
