"""The workflow with causes: what runs when they are asked for, and what runs again when they are drawn otherwise."""

import json
import shutil

import pytest

from repository import jobs_in
from workspace import ROOT, Workspace, make_workspace

pytestmark = pytest.mark.slow
UNTRAINED = {"run": ["base", "base-reason"], "comparisons": [{"a": "base-reason", "b": "base"}]}
SAMPLING = {"samples": 4, "questions": 8, "batch_size": 4}
INTERVENTIONS = {"samples": 2, "questions": 8, "arms": ["base-reason"]}


def with_samples(study: Workspace, **changed: object) -> Workspace:
    return Workspace(study.folder, study.settings | {"causes": {"sampling": SAMPLING | changed}})


def with_thoughts(study: Workspace, **changed: object) -> Workspace:
    return Workspace(study.folder, study.settings | {"causes": {"interventions": INTERVENTIONS | changed}})


@pytest.fixture(scope="module")
def off(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A study of two untrained arms that has run without causes; each test asks for some."""
    study = make_workspace(tmp_path_factory.mktemp("study"), UNTRAINED)
    shutil.copytree(ROOT / "src", study.folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    first = study.snakemake("all")
    assert first.returncode == 0, first.stdout
    assert "causes" not in json.loads((study.folder / "results/demo/summary.json").read_text())
    return study


def test_other_samples_rerun_what_draws_reads_and_shows_them(off: Workspace) -> None:
    summary = off.folder / "results/demo/summary.json"
    on = with_samples(off).snakemake("all")
    assert on.returncode == 0, on.stdout
    mine = {f"{what}: {arm}, seed untrained" for what in ("Samples", "Scores of samples") for arm in UNTRAINED["run"]}
    again = mine | {"Summary of demo", "Report of demo"}
    assert jobs_in(on.stdout) == again
    found = json.loads(summary.read_text())["causes"]["sampling"]
    assert (found["samples"], found["questions"], list(found["arms"])) == (4, 8, UNTRAINED["run"])
    assert [(one["a"], one["b"]) for one in found["comparisons"]] == [("base-reason", "base")]
    assert "pass@4" in (off.folder / "results/demo/report/index.html").read_text()

    assert "Nothing to be done" in with_samples(off).snakemake("all").stdout
    more = with_samples(off, samples=5).snakemake("-n", "all")
    assert more.returncode == 0, more.stdout
    assert jobs_in(more.stdout) == again

    sharded = Workspace(off.folder, with_samples(off).settings)
    evaluate = sharded.settings["evaluate"]
    assert isinstance(evaluate, dict)
    sharded.settings["evaluate"] = {**evaluate, "shards": 2}
    before = (off.folder / "results/demo/predictions/base/untrained/toyspace.samples.jsonl").read_bytes()
    (off.folder / "results/demo/predictions/base/untrained/toyspace.samples.jsonl").unlink()
    assert sharded.snakemake("causes").returncode == 0
    assert (off.folder / "results/demo/predictions/base/untrained/toyspace.samples.jsonl").read_bytes() == before
    told = off.snakemake("causes")
    assert told.returncode != 0
    assert "causes.sampling: no answers are sampled: ask for them" in told.stdout


def test_other_interventions_rerun_themselves_and_the_report_alone(off: Workspace) -> None:
    on = with_thoughts(off).snakemake("all")
    assert on.returncode == 0, on.stdout
    mine = {f"{what}: base-reason, seed untrained" for what in ("Altered thoughts", "Answers from altered thoughts")}
    again = mine | {"Summary of demo", "Report of demo"}
    assert jobs_in(on.stdout) == again
    found = json.loads((off.folder / "results/demo/summary.json").read_text())["causes"]
    assert list(found) == ["interventions", "verdict"]
    assert found["interventions"]["arms"]["base-reason"]["claim"]
    assert 'href="#altered"' in (off.folder / "results/demo/report/index.html").read_text()

    assert "Nothing to be done" in with_thoughts(off).snakemake("all").stdout
    more = with_thoughts(off, samples=3).snakemake("-n", "all")
    assert more.returncode == 0, more.stdout
    assert jobs_in(more.stdout) == again
    judged = with_thoughts(off, margin=0.1).snakemake("-n", "all")
    assert jobs_in(judged.stdout) == {"Summary of demo", "Report of demo"}
