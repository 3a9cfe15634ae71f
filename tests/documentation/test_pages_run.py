"""Every code block of the documentation, run page by page as a reader would, in an empty folder."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest
from page_blocks import PAGES, SETUP, Block, blocks_of, name_of

from ablate.cli import main

pytestmark = pytest.mark.slow
RUN = ("sh", "python", SETUP)
COMMAND_SECONDS = 300
CHECKED_ELSEWHERE = ("cluster.md",)  # tests/test_cluster_page.py


def runs(page: Path) -> bool:
    return page.name not in CHECKED_ELSEWHERE and any(
        block.language in RUN and not block.skipped for block in blocks_of(page)
    )


@pytest.mark.parametrize("page", [page for page in PAGES if runs(page)], ids=name_of)
def test_what_a_page_shows_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ABLATE_DATA_DIR", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")  # one process, several folders
    monkeypatch.syspath_prepend(str(tmp_path))
    mpl.use("agg")
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks_of(page):
        if block.skipped:
            continue
        try:
            run_block(block, names, page)
        except Exception as err:
            raise AssertionError(f"{name_of(page)}:{block.line}: {type(err).__name__}: {err}") from err


def run_block(block: Block, names: dict[str, object], page: Path) -> None:
    """Write the file that a block is, or run it."""
    if block.title:
        path = Path(block.title)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    elif block.language in ("python", SETUP):
        exec(compile(block.text, f"{page.name}:{block.line}", "exec"), names)
    elif block.language == "sh":
        for line in block.text.replace("\\\n", " ").splitlines():
            run_line(line)


def run_line(line: str) -> None:
    """A command of a page; what starts with "ablate" in this process, so that libraries are imported once."""
    words = shlex.split(line, comments=True)
    if not words or words[:2] == ["pip", "install"]:
        return
    if words[0] == "ablate" and not {"|", "&&", ">", ";"} & set(words):
        assert run_ablate(words) == 0, line
    else:
        done = subprocess.run(line, shell=True, env=os.environ, capture_output=True, text=True, timeout=COMMAND_SECONDS)
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def run_ablate(words: list[str]) -> int:
    """The exit code of a command in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", words)
        try:
            main.main()
        except SystemExit as end:
            return int(end.code or 0)
    return 0
