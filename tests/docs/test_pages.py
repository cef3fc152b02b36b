"""Every shell, Python and SQL block of every page runs, and gives the output that the page shows."""

from __future__ import annotations

import doctest
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, Page, name_of, page_of
from tests.docs.folders import FOLDERS, names_in
from tests.docs.session import Done, Session
from tests.support.command import Corpus, Preloaded

pytestmark = pytest.mark.faults  # many commands: minutes

_RUN_PAGES = [page for page in PAGES if any(each.is_run for each in page_of(page.read_text()).blocks)]
_COMPARED = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def faults_of(
    page: Page, name: str, names: Callable[[], dict[str, str]], folder: Path, session: Session
) -> list[str]:
    """Blocks that ended with another exit code, or wrote other output, than the page tells; in order."""
    faults = []
    done = Done("", 0)
    for block in page.blocks:
        place = f"{name}:{block.line}"
        if "file" in block.markers:
            path = folder / block.markers["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.is_run:
            done = session.run(block.with_names(names()), name)
            if done.code != int(block.markers.get("exit", 0)):
                faults.append(f"{place}: exit code {done.code}\n{done.output}")
        elif block.is_output:
            checker = doctest.OutputChecker()
            if not checker.check_output(block.text, done.output, _COMPARED):
                faults.append(f"{place}: another output\n{done.output}")
    return faults


@pytest.fixture(scope="module")
def preloaded() -> Iterator[Preloaded]:
    """The process that runs the commands of all pages."""
    started = Preloaded()
    yield started
    started.close()


@pytest.fixture(scope="module")
def prepared(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], None]:
    """Fills a folder with what a page begins with; each kind of folder is made once."""
    made: dict[str, Path] = {}

    def fill(kind: str, folder: Path) -> None:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(kind)
            FOLDERS[kind](made[kind], corpus)
        shutil.copytree(made[kind], folder, symlinks=True)

    return fill


@pytest.mark.parametrize("path", _RUN_PAGES, ids=name_of)
def test_the_blocks_of_a_page_run_and_give_what_it_shows(
    path: Path, corpus: Corpus, preloaded: Preloaded, prepared: Callable[[str, Path], None], tmp_path: Path
) -> None:
    """A reader who types along must see the same."""
    page = page_of(path.read_text(encoding="utf-8"))
    folder, tools = tmp_path / "folder", tmp_path / "tools"
    prepared(page.folder, folder)
    tools.mkdir()
    with Session(folder, tools, preloaded) as session:
        faults = faults_of(page, name_of(path), lambda: names_in(folder, corpus), folder, session)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("```sh\nfalse\n```", "page:1: exit code 1"),
        ("<!-- exit: 1 -->\n```sh\ntrue\n```", "page:2: exit code 0"),
        ("```sh\necho a b\n```\n\n```text\na c\n```", "page:5: another output"),
        ("```sh\necho a\n```\nIt prints:\n<!-- output -->\n```text\na c\n```", "page:6: another output"),
        ("```python\nprint(1)\n```\n```text\n2\n```", "page:4: another output"),
        ("```python\nraise ValueError\n```", "page:1: exit code 1"),
        ("```sh\necho $UNSET\n```", "page:1: exit code"),
        ("```sh\npip install chatsieve\n```", "page:1: exit code 127"),
        ("```sh\nchatsieve nothing\n```", "page:1: exit code 2"),
        ("```sql\nselect * from 'gone.parquet'\n```", "page:1: exit code 1"),
    ],
)
def test_a_wrong_block_is_reported(text: str, fault: str, preloaded: Preloaded, tmp_path: Path) -> None:
    """The checks must be able to fail."""
    (found,) = _faults(text, preloaded, tmp_path)
    assert found.startswith(fault)


def test_blocks_share_variables_folder_and_names(preloaded: Preloaded, tmp_path: Path) -> None:
    """As in one terminal and one notebook; setup and files are there before the next block."""
    text = """
<!-- setup
mkdir inner
printf 'jane.doe@example.com' > inner/mail.txt
-->
<!-- file: inner/shown.yaml -->
```yaml
key: value
```
```sh
cd inner
word="two words"
echo USER_ID $USER_ID
```
```text
u-1 OTHER
```
```python
from pathlib import Path
folder = Path.cwd().name
```
```python
print(folder, Path("shown.yaml").read_text())
```
```text
inner key: value
```
```sh
echo "$word"; chatsieve scrub mail.txt | tee out.txt
```
```text
two words
<EMAIL_ADDRESS_1>...
```
```sql
select 1 + 1 as sum
```
```text
...sum...2...
```
"""
    names = {"USER_ID": "u-1"}
    assert _faults("<!-- setup\nexport USER_ID=OTHER\n-->" + text, preloaded, tmp_path, names) == []


def _faults(
    text: str, preloaded: Preloaded, tmp_path: Path, names: dict[str, str] | None = None
) -> list[str]:
    folder, tools = tmp_path / "folder", tmp_path / "tools"
    folder.mkdir()
    tools.mkdir()
    with Session(folder, tools, preloaded) as session:
        return [
            re.sub(r"\s+", " ", fault)
            for fault in faults_of(page_of(text), "page", lambda: names or {}, folder, session)
        ]
