"""Set-up, runs and tests download no model and name no index."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import COMMAND, Corpus, chatsieve

ROOT = Path(__file__).resolve().parents[2]
#: Refuses every connection except to this machine, and reports it to the test.
NO_NETWORK = """
import os, socket
_connect, _lookup = socket.socket.connect, socket.getaddrinfo
_LOCAL = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "", None)
def _note(host):
    with open(os.environ["NETWORK_LOG"], "a") as file:
        file.write(f"{host}\\n")
    raise OSError("no network in this test")
def connect(self, address):
    if isinstance(address, tuple) and address[0] not in _LOCAL:
        _note(address[0])
    return _connect(self, address)
def getaddrinfo(host, *rest, **more):
    if host not in _LOCAL:
        _note(host)
    return _lookup(host, *rest, **more)
socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
"""


@pytest.mark.e2e
def test_a_run_with_the_real_model_uses_no_network(corpus: Corpus, tmp_path: Path) -> None:
    """Models, word lists and domain lists are in the packages; a cluster may have no internet access."""
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    log = tmp_path / "network.log"
    done = chatsieve(
        "run",
        "-c",
        corpus.config,
        "--output",
        tmp_path / "out",
        fresh=True,
        PYTHONPATH=str(tmp_path),
        NETWORK_LOG=str(log),
        HOME=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert not log.exists(), log.read_text()


def test_the_network_guard_refuses_a_connection(tmp_path: Path) -> None:
    """Without this check, the network test could pass without a working guard."""
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    log = tmp_path / "network.log"
    code = "import socket\ntry: socket.create_connection(('model-hub.invalid', 443))\nexcept OSError: pass"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NETWORK_LOG": str(log)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert log.read_text() == "model-hub.invalid\n"


def test_every_locked_package_has_a_hash_and_no_address() -> None:
    """The locked packages are installed from any index that a user configures."""
    for name in ("requirements.lock", "requirements-uv.lock", "requirements-docs.lock"):
        text = (ROOT / name).read_text()
        assert not re.search(r"https?://|--index|--find-links|git\+", text)
        pins = re.split(r"\n(?=[a-z0-9])", text[text.index("\n", text.index("make lock")) + 1 :])
        assert pins
        assert [pin for pin in pins if "--hash=sha256:" not in pin] == []


def test_no_step_names_a_model_hub_or_a_download() -> None:
    """Set-up and checks use the package index and the proxy of Go modules only."""
    steps = "\n".join((ROOT / name).read_text() for name in ("Makefile", ".ci/run"))
    modules = re.sub(r"\bgithub\.com/[\w./-]+@v[\d.]+", "", steps)
    assert not re.search(r"curl|wget|spacy download|huggingface|github\.com|https?://", modules)
    assert "export GOVCS := *:off" in steps
    assert "UV_PYTHON_DOWNLOADS := never" in steps


def test_the_command_is_installed_with_its_version() -> None:
    """The README uses this command."""
    assert COMMAND.exists()
    assert re.fullmatch(r"chatsieve \d+\.\d+\.\d+\n", chatsieve("--version", fresh=True).stdout)
