"""A notebook, run by nbclient: a study from cells, shown, killed in the middle, and resumed by another kernel."""

import asyncio
import html
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import nbclient
import nbformat
import pytest

import ablate

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),  # of jupyter_client
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # pipes of the killed kernel
]

IMPORT = "import os, time\nimport ablate\nprint(os.getpid())"
CELLS = (
    """
import keras

def dense(width):
    return keras.layers.Dense(width, activation="relu")

def build(factors, input_shape, n_classes):
    inputs = keras.Input(input_shape)
    x = dense(8 * factors["width"])(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(n_classes)(x))
""",
    """
study = ablate.Study(
    "cells", data={"name": "digits", "validation": 200, "train": 320}, model=build,
    baseline={"width": 1, "optimizer": "adam", "learning_rate": 0.01}, space={"width": [1, 2, 3]},
    training={"epochs": 200, "batch_size": 4, "patience": 0}, search={"trials": 0},
    ablation={"seeds": 6, "learning_rate": "carry"},
)
study
""",
)
RUN = "result = study.run(workers=1, stack=1)"
MOST = 120.0  # seconds for a kernel to get that far


def notebook(*cells):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells])


def client_of(book, folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(ablate.__file__).parents[1]))
    return nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}})


def text_of(cell, kind="text/html"):
    return "".join("".join(output["data"].get(kind, "")) for output in cell.outputs if "data" in output)


def finished_lines(journal: Path) -> list[str]:
    if not journal.is_file():
        return []
    return [line for line in journal.read_text().splitlines() if '"finished"' in line]


def children(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(folder.name))
    return found


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def run_and_kill(client, book, journal: Path) -> tuple[list[int], list[str]]:
    """The worker processes of a kernel that is killed once two trials have finished, and their lines on disk."""
    async with client.async_setup_kernel():
        for number, cell in enumerate(book.cells[:-2]):
            await client.async_execute_cell(cell, number)
        kernel = int(book.cells[0].outputs[0]["text"])
        running = asyncio.ensure_future(client.async_execute_cell(book.cells[-2], len(book.cells) - 2))
        deadline = time.monotonic() + MOST
        while len(finished_lines(journal)) < 2:
            assert time.monotonic() < deadline, (running.done() and running.exception(), book.cells[-2].outputs)
            await asyncio.sleep(0.05)
        workers, lines = children(kernel), finished_lines(journal)
        os.kill(kernel, signal.SIGKILL)
        with suppress(nbclient.exceptions.DeadKernelError, asyncio.TimeoutError):
            await asyncio.wait_for(running, 60)
        running.cancel()
    return workers, lines


def test_a_study_from_cells_outlives_its_kernel_and_is_shown(tmp_path, monkeypatch):
    journal = tmp_path / "reports" / "cells" / "trials.jsonl"
    book = notebook(IMPORT, *CELLS, RUN, "result")
    workers, before = asyncio.run(run_and_kill(client_of(book, tmp_path, monkeypatch), book, journal))
    assert workers
    deadline = time.monotonic() + 10
    while any(map(lives, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(lives, workers))

    again = notebook(IMPORT, *CELLS, RUN, "result", 'result.plot("effects")')
    client_of(again, tmp_path, monkeypatch).execute()
    after = finished_lines(journal)
    assert after[: len(before)] == before
    assert len(after) == 18
    progress, shown, figure = again.cells[-3], again.cells[-2], again.cells[-1]
    assert "18/18" in text_of(progress, "text/plain")
    assert "crashed; resuming from its saved trials" in text_of(progress, "text/plain")
    said = html.unescape(text_of(shown)).replace("\N{NO-BREAK SPACE}", " ")
    for sentence in ablate.read(tmp_path / "reports" / "cells").headline:
        assert sentence.replace("\N{NO-BREAK SPACE}", " ") in said
    assert "data:image/svg+xml;base64," in text_of(shown)
    assert text_of(figure, "image/png")
    assert len([output for output in progress.outputs if "data" in output]) == 1  # one output, drawn anew


TRAIN = (
    """
def train(factors, epochs, report):
    for epoch in range(1, epochs + 1):
        time.sleep(0.3)
        report(epoch=epoch, accuracy=0.1 * factors["width"] + 0.01 * epoch)
    return 0.1 * factors["width"] + 0.01 * epochs
""",
    """
study = ablate.Study(
    "own", model={"train": train}, metric="accuracy", baseline={"width": 1}, space={"width": [1, 2]},
    training={"epochs": 2}, search={"trials": 0}, ablation={"seeds": 4},
)
""",
)


async def run_and_interrupt(client, book, journal: Path) -> str:
    """What a cell says that is interrupted once a trial has finished; then the same cell runs again, to its end."""
    async with client.async_setup_kernel():
        for number, cell in enumerate(book.cells[:-1]):
            await client.async_execute_cell(cell, number)
        running = asyncio.ensure_future(client.async_execute_cell(book.cells[-1], len(book.cells) - 1))
        deadline = time.monotonic() + MOST
        while not finished_lines(journal):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        await client.km.interrupt_kernel()
        with pytest.raises(nbclient.exceptions.CellExecutionError) as caught:
            await running
        await client.async_execute_cell(book.cells[-1], len(book.cells) - 1)
    return str(caught.value)


def test_interrupting_a_cell_saves_and_the_same_cell_goes_on(tmp_path, monkeypatch):
    journal = tmp_path / "reports" / "own" / "trials.jsonl"
    book = notebook(IMPORT, *TRAIN, "study.run(workers=1)")
    said = asyncio.run(run_and_interrupt(client_of(book, tmp_path, monkeypatch), book, journal))
    assert "KeyboardInterrupt" in said
    assert ": own is saved in reports/own: the same call goes on" in said
    assert len(finished_lines(journal)) == 8
    assert "8/8" in text_of(book.cells[-1], "text/plain")
