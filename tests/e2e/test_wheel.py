"""The built wheel in an environment of its own, in a folder without files of the clone."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from pipeline.reference import manual
from transforms.shuffle.installed import installed_digest

ROOT = Path(__file__).resolve().parents[2]
_SOURCES = ("chatsieve", "configs", "examples", "pipeline", "schemas", "transforms")
_FILES = ("LICENSE", "README.md", "pyproject.toml")


@dataclasses.dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and the empty folder to run commands in."""

    environment: Path
    folder: Path

    def run(self, *command: object, text: str = "") -> subprocess.CompletedProcess[str]:
        name, *arguments = map(str, command)
        return subprocess.run(
            [str(self.environment / "bin" / name), *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.environment.parent / "home")},
        )

    def chatsieve(self, *arguments: object, text: str = "") -> str:
        """Standard output and error of a command that must succeed."""
        done = self.run("chatsieve", *arguments, text=text)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel of this clone, built and installed without a network.

    The locked dependencies are read from the environment of the clone. Its `.pth` files are not, so that
    the clone itself cannot be imported.
    """
    base = tmp_path_factory.mktemp("wheel")
    # A copy is built: setuptools would leave its own files in the clone, and take stale ones from there.
    source = base / "source"
    for name in _SOURCES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _FILES:
        shutil.copyfile(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-index", "--no-build-isolation", "--no-deps", "--wheel-dir", base, source]
    subprocess.run(build, check=True, capture_output=True)
    environment = base / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    (wheel,) = base.glob("*.whl")
    install = [*pip, "--python", environment / "bin/python", "install", "--no-index", "--no-deps", wheel]
    subprocess.run(install, check=True, capture_output=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    shutil.rmtree(source)
    for name in ("home", "folder"):
        (base / name).mkdir()
    return Installed(environment, base / "folder")


_WHERE = """
import chatsieve, importlib.util, json, pipeline, schemas, transforms
packages = (chatsieve, pipeline, schemas, transforms)
files = [module.__file__ or list(module.__path__)[0] for module in packages]
print(json.dumps([files, importlib.util.find_spec("transforms.training") is None]))
"""


@pytest.mark.e2e
def test_only_the_wheel_is_imported_and_training_is_not_in_it(installed: Installed) -> None:
    """If the clone were importable, the next test would not test the wheel. Training needs a clone."""
    files, no_training = json.loads(installed.run("python", "-c", _WHERE).stdout)
    assert [Path(file).is_relative_to(installed.environment) for file in files] == [True] * 4
    assert [Path(file).with_name("py.typed").is_file() for file in files] == [True] * 4
    assert no_training


@pytest.mark.faults
@pytest.mark.e2e
def test_the_installed_command_works_in_an_empty_folder(installed: Installed) -> None:
    """The wheel must contain configs, packs, the example and the model, because its users have no clone."""
    folder = installed.folder
    demo = installed.chatsieve("demo")
    (report,) = folder.glob("chatsieve-demo/out/demo/v0001-*/report/report.html")
    assert str(report.relative_to(folder)) in demo
    again = installed.run("chatsieve", "demo")
    assert (again.returncode, again.stderr) == (
        2,
        "chatsieve: chatsieve-demo: is not empty; give a new folder\n",
    )
    assert "consumer-terms-2025-09-28-strict" in installed.chatsieve("policy", "list")
    assert "Priya" not in installed.chatsieve("scrub", text="mail bob@example.com, says Priya Raghunathan.\n")

    installed.chatsieve("sample", "made", "--conversations", 10, "--seed", 3)
    config = folder / "made/config.yaml"
    named = config.read_text().replace("policies/consumer-terms-2025-09-28.yaml", "consumer-terms-2025-09-28")
    (folder / "made/named.yaml").write_text(named.replace("deid/default.yaml", "default"))
    one = ("--set", "runner.workers=1")
    installed.chatsieve("run", "-c", "made/named.yaml", "--output", "out", *one)
    installed.chatsieve("verify", "out")
    strict = ("--policy", "consumer-terms-2025-09-28-strict")
    installed.chatsieve("audit", "-c", "made/config.yaml", *strict, "--output", "audit", *one)
    assert list((installed.environment.parent / "home").iterdir()) == []


def test_the_wheel_has_the_man_pages(installed: Installed) -> None:
    """pipx links what is in share/man; each page is read by man(1) without a warning, if it is installed."""
    pages = {path.name: path for path in (installed.environment / "share/man/man1").iterdir()}
    assert {name: path.read_text() for name, path in pages.items()} == manual.pages()
    if shutil.which("groff"):
        check = ["groff", "-man", "-ww", "-z", "-Tutf8", *map(str, pages.values())]
        assert subprocess.run(check, capture_output=True, text=True, check=True).stderr == ""


def test_a_wheel_and_a_clone_of_one_version_have_the_same_digest(installed: Installed) -> None:
    """A command line in a clone can use workers of an image that was built from the wheel."""
    code = "from transforms.shuffle.installed import installed_digest; print(installed_digest())"
    done = installed.run("python", "-c", code)
    assert done.stdout.strip() == installed_digest(), done.stderr
