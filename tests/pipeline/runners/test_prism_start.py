"""Prism without a network of its own is not started, unless the configuration accepts that it listens."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from pipeline.runners import prism, prism_main
from schemas.errors import ChatsieveError, ConfigError, PipelineError


def _refuse(_: int) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_without_a_namespace_prism_is_not_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Containers often may not make one. Prism would then listen on every interface of the host."""
    started: list[Any] = []
    monkeypatch.setattr("os.unshare", _refuse)
    monkeypatch.setattr(subprocess, "Popen", lambda *given, **_: started.append(given))
    monkeypatch.setattr(sys, "argv", ["prism_main", "/bin/true", "/no/socket", "private"])
    with pytest.raises(SystemExit) as caught:
        prism_main.main()
    assert caught.value.code == prism_main.NO_NAMESPACE
    assert capsys.readouterr().err == "Operation not permitted\n"
    assert started == []


@pytest.mark.parametrize(
    ("code", "kind", "line"),
    [
        (
            prism_main.NO_NAMESPACE,
            ConfigError,
            "runner: prism: the system gives it no network of its own (the reason), so it would listen on "
            "all network interfaces; allow user namespaces, or set runner.allow_listening: true",
        ),
        (1, PipelineError, "/bin/prism: Prism cannot be started (the reason)"),
    ],
)
def test_a_start_that_fails_is_one_line(code: int, kind: type[ChatsieveError], line: str) -> None:
    """With what the user can do."""
    script = f"import sys; sys.stderr.write('the reason\\n'); sys.exit({code})"
    pipe = subprocess.PIPE
    command = [sys.executable, "-S", "-c", script]
    with (
        subprocess.Popen(command, stdout=pipe, stderr=pipe) as process,
        pytest.raises(kind) as caught,
    ):
        prism._await_ready(process, "/bin/prism")
    assert str(caught.value) == line


@pytest.mark.parametrize("variable", ["PATH", "GOBIN", "GOPATH"])
def test_prism_is_found_where_go_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, variable: str
) -> None:
    """`go install` puts it into a folder that is often not on PATH."""
    folder = tmp_path_factory.mktemp("go")
    place = folder / "bin/prism"
    place.parent.mkdir()
    place.write_text("")
    place.chmod(0o755)
    for name in ("PATH", "GOBIN", "GOPATH"):
        monkeypatch.setenv(name, "/no/such/folder")
    monkeypatch.setenv(variable, str(folder if variable == "GOPATH" else place.parent))
    assert prism.program_of(prism.PrismRunner(name="prism")) == str(place)
