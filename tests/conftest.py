"""The order of the tests, and what several files share: a tiny model with random weights, built once, and more."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import pandas as pd

    from repository import Repository

TEXTS = [
    "How many cubes are in the image? Select from the following choices. (A) 0 (B) 1 (C) 2 (D) 3",
    "A conversation between User and Assistant. The user asks a question about the image, and the Assistant solves it.",
    "Which object is closer to the camera taking this photo, the red ball or the blue cone?",
]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that at the end no process is left alone with one of them.

    Last come those in folders, which are many and short: the longest of the others run Snakemake.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    here = Path(__file__).parent
    items.sort(key=lambda item: (item.path not in slow, item.path.parent != here))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder of the demo's architecture, as `initial_model` lays it out; don't write into it."""
    import torch

    from visualzero.manifest import write_manifest
    from visualzero.models.tiny.architecture import build_model, train_tokenizer

    folder = tmp_path_factory.mktemp("initial") / "model"
    tokenizer = train_tokenizer(TEXTS)
    torch.manual_seed(0)
    model = build_model(tokenizer)
    with torch.no_grad():
        # Twice as large, so that what it writes depends on the whole prompt. As initialized, it repeats the last token.
        for name, weights in model.named_parameters():
            if weights.ndim == 2 and ("layers" in name or "visual" in name):
                weights.mul_(2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_manifest(folder.parent / "manifest.json", sorted(folder.iterdir()), "0" * 16)
    return folder


@pytest.fixture(scope="session")
def toyspace(tmp_path_factory: pytest.TempPathFactory) -> "pd.DataFrame":
    """Sixteen questions, four of each task."""
    from visualzero.data.question import read_questions, write_questions
    from visualzero.data.toyspace.questions import toyspace_rows

    path = tmp_path_factory.mktemp("data") / "train.parquet"
    write_questions(toyspace_rows("train", 16, 1), path)
    return read_questions(path)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> "Repository":
    """A repository whose study Snakemake has run and DVC has recorded and pushed; tests work on copies and clones.

    The processes that run tests side by side have it in common: the first one that needs it makes it.
    """
    from repository import Repository
    from secrets_given import SECRETS

    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / "recorded.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if not lock.read():
            shutil.rmtree(folder / "recorded", ignore_errors=True)
            _record(folder / "recorded")
            lock.write("made")
    return Repository(folder / "recorded/repository", SECRETS)


def _record(folder: Path) -> None:
    from repository import ARMS, make_repository
    from secrets_given import SECRETS

    made = make_repository(folder / "repository", environment=SECRETS)
    assert len(made.snakemake("all")) == 2 + 2 + 3 + 2 * len(ARMS) + 2
    assert made.repro() == set(), "DVC had something run that Snakemake had made"
    made.ok("dvc", "remote", "add", "--default", "shared", str(folder / "remote"))
    made.ok("dvc", "push")
    made.save("the results")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread, so that tests are as fast on a busy machine and give the same numbers."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
