"""A plugin of pytest, for TRL's tests: groupshare's trainers in place of TRL's, and what tests of another version miss.

With SHARING=1 the trainers' names that the tests import are groupshare's. In either case

- a test runs in the folder `large` if it knows a token by its id in Qwen's vocabularies, or counts on it that so many
  tokens make the end of a completion (EOS) unlikely, or else in `small`;
- products of matrices in bfloat16 are computed in float32 and rounded on a CPU, where a loss takes a minute otherwise;
- processors do without the one of videos where torchvision, which that needs, isn't installed: no test shows a video;
- `trl.import_utils` says of any package whether it is there, also where the installed TRL no longer asks for it.

What becomes of each test is a line of the file OUTCOMES at once, and tests that have one there are not run again.
"""

import inspect
import json
import os
import re
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import trl
from torch import Tensor
from transformers import ProcessorMixin
from transformers.utils import is_torchvision_available


def pytest_configure() -> None:
    """Before any test is imported."""
    vars(import_module("trl.import_utils"))["__getattr__"] = _is_available
    torch.mm = product
    if not is_torchvision_available():
        leave_out_videos()
    if os.environ.get("SHARING"):
        import groupshare

        trl.GRPOTrainer = groupshare.GroupSharingTrainer
        trl.RLOOTrainer = groupshare.RLOOSharingTrainer


@pytest.fixture(autouse=True)
def stand_ins(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a model's or data set's name is the path of its stand-in."""
    large = re.search(r"\b(151|248)\d{3}\b|\bEOS\b", inspect.getsource(request.function))
    monkeypatch.chdir(request.config.rootpath / ("large" if large else "small"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that have an outcome."""
    outcomes = Path(os.environ["OUTCOMES"])
    known = {json.loads(line)["test"] for line in outcomes.read_text().splitlines()} if outcomes.exists() else set()
    config.hook.pytest_deselected(items=[item for item in items if _test(item.nodeid) in known])
    items[:] = [item for item in items if _test(item.nodeid) not in known]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write down what became of a test; of its fixtures, only where they fail or skip it."""
    if report.when != "call" and report.passed:
        return
    if isinstance(report.longrepr, tuple):  # path, line and reason with which it was skipped
        said = report.longrepr[2]
    else:
        said = f"{getattr(getattr(report.longrepr, 'reprcrash', None), 'message', '')}\n{report.longreprtext}"
    line = {"test": _test(report.nodeid), "kind": report.outcome, "said": said.strip()}
    with Path(os.environ["OUTCOMES"]).open("a") as outcomes:
        outcomes.write(json.dumps(line) + "\n")


def _test(node: str) -> str:
    return node.partition("::")[2]


def leave_out_videos() -> None:
    """Of what any processor is made of."""
    every = ProcessorMixin.get_attributes.__func__
    kept = classmethod(lambda kind: [name for name in every(kind) if name != "video_processor"])
    ProcessorMixin.get_attributes = kept
    ProcessorMixin.video_processor = None


def product(a: Tensor, b: Tensor, torchs: Callable[..., Tensor] = torch.mm, **out: Tensor) -> Tensor:
    """Of two matrices, rounded to bfloat16 where they are in that and on a CPU."""
    if a.dtype != torch.bfloat16 or a.device.type != "cpu":
        return torchs(a, b, **out)
    rounded = torchs(a.float(), b.float()).to(a.dtype)
    return out["out"].copy_(rounded) if out else rounded


def _is_available(name: str) -> Callable[[], bool]:
    package = re.fullmatch(r"is_(\w+)_available", name)
    if not package:
        raise AttributeError(name)
    return lambda: find_spec(package[1]) is not None
