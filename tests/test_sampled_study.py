"""The workflow with samples: what runs when they are asked for, and what runs again when they are drawn otherwise."""

import json
import shutil

import pytest

from repository import jobs_in
from workspace import ROOT, Workspace, make_workspace

pytestmark = pytest.mark.slow
UNTRAINED = {"run": ["base", "base-reason"], "comparisons": [{"a": "base-reason", "b": "base"}]}
SAMPLING = {"samples": 4, "questions": 8, "batch_size": 4}


def with_samples(study: Workspace, **changed: object) -> Workspace:
    return Workspace(study.folder, study.settings | {"causes": {"sampling": SAMPLING | changed}})


def test_other_samples_rerun_what_draws_reads_and_shows_them(tmp_path_factory: pytest.TempPathFactory) -> None:
    off = make_workspace(tmp_path_factory.mktemp("study"), UNTRAINED)
    shutil.copytree(ROOT / "src", off.folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    first = off.snakemake("all")
    assert first.returncode == 0, first.stdout
    summary = off.folder / "results/demo/summary.json"
    assert "causes" not in json.loads(summary.read_text())

    on = with_samples(off).snakemake("all")
    assert on.returncode == 0, on.stdout
    mine = {f"{what}: {arm}, seed untrained" for what in ("Samples", "Scores of samples") for arm in UNTRAINED["run"]}
    again = mine | {"Summary of demo", "Report of demo"}
    assert jobs_in(on.stdout) == again
    found = json.loads(summary.read_text())["causes"]["sampling"]
    assert (found["samples"], found["questions"], list(found["arms"])) == (4, 8, UNTRAINED["run"])
    assert [(one["a"], one["b"]) for one in found["comparisons"]] == [("base-reason", "base")]
    assert "pass@4" in (off.folder / "results/demo/report/index.html").read_text()

    more = with_samples(off, samples=5).snakemake("all")
    assert more.returncode == 0, more.stdout
    assert jobs_in(more.stdout) == again
    assert "Nothing to be done" in with_samples(off, samples=5).snakemake("all").stdout

    sharded = Workspace(off.folder, with_samples(off, samples=5).settings)
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
