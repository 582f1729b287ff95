"""The workflow with altered thoughts: what runs when they are asked for, and when they are altered otherwise."""

import json
import shutil

import pytest

from repository import jobs_in
from workspace import ROOT, Workspace, make_workspace

pytestmark = pytest.mark.slow
UNTRAINED = {"run": ["base", "base-reason"], "comparisons": [{"a": "base-reason", "b": "base"}]}
INTERVENTIONS = {"samples": 2, "questions": 8, "arms": ["base-reason"]}


def with_thoughts(study: Workspace, **changed: object) -> Workspace:
    return Workspace(study.folder, study.settings | {"causes": {"interventions": INTERVENTIONS | changed}})


def test_other_interventions_rerun_themselves_and_the_report_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    off = make_workspace(tmp_path_factory.mktemp("study"), UNTRAINED)
    shutil.copytree(ROOT / "src", off.folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    first = off.snakemake("all")
    assert first.returncode == 0, first.stdout

    on = with_thoughts(off).snakemake("all")
    assert on.returncode == 0, on.stdout
    mine = {f"{what}: base-reason, seed untrained" for what in ("Altered thoughts", "Answers from altered thoughts")}
    again = mine | {"Summary of demo", "Report of demo"}
    assert jobs_in(on.stdout) == again
    found = json.loads((off.folder / "results/demo/summary.json").read_text())["causes"]
    assert list(found) == ["interventions", "verdict"]
    assert found["interventions"]["arms"]["base-reason"]["claim"]
    assert 'href="#altered"' in (off.folder / "results/demo/report/index.html").read_text()

    more = with_thoughts(off, samples=3).snakemake("all")
    assert more.returncode == 0, more.stdout
    assert jobs_in(more.stdout) == again
    assert "Nothing to be done" in with_thoughts(off, samples=3).snakemake("all").stdout
    judged = with_thoughts(off, samples=3, margin=0.1).snakemake("all")
    assert jobs_in(judged.stdout) == {"Summary of demo", "Report of demo"}
