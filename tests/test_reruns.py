"""Two front doors, one decision: what `snakemake all` and `dvc repro` run after an edit, under every kind of DVC cache.

Each kind of cache has a repository of its own, in which the edits are made one after another. Before each real
`dvc repro`, Snakemake is asked for its plan: both have to name exactly the same jobs. What an edit concerns is told by
fingerprints, which know of no cache, so that all edits are made with copies alone. With links come those that differ in
what becomes of the outputs: they stay and get another time, an arm's are written anew, one's are new, the page is.
"""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from repository import Repository, altered_objects, copy_of, jobs_in

pytestmark = pytest.mark.slow

CACHES = ("copy", "hardlink", "symlink")
DOORS = ("snakemake", "dvc repro")
REST = {"Summary of demo", "Report of demo"}
TRAINING = {"base-sft": "SFT", "base-grpo": "GRPO", "instruct-grpo-answer-only": "GRPO", "mine": "GRPO"}


def retrained(*arms: str) -> set[str]:
    """The jobs of these arms, from training on, and of what shows all arms."""
    return {
        *REST,
        *(f"{TRAINING[arm]}: {arm}, seed 1" for arm in arms),
        *(f"{what}: {arm}, seed 1, toyspace" for arm in arms for what in ("Responses", "Scores")),
    }


def touch(repository: Repository) -> None:
    """New times for everything that Snakemake and DVC look at, outputs included."""
    for part in ("src", "config", "envs", "workflow", "models", "results"):
        for path in (repository.folder / part).rglob("*"):
            if path.is_file() and not path.is_symlink():
                os.utime(path)


def reorder(repository: Repository) -> None:
    """The same study with every mapping of the config turned round, but for arms, whose order is that of the table."""

    def turn(content: Any, name: str = "") -> Any:
        if not isinstance(content, dict):
            return content
        pairs = [(key, turn(value, key)) for key, value in content.items()]
        return dict(pairs if name == "arms" else reversed(pairs))

    for name in ("config/config.yaml", "config/scale/demo.yaml"):
        repository.edit(name, lambda content: _replace(content, turn(content)))


def _replace(content: dict[str, Any], other: dict[str, Any]) -> None:
    content.clear()
    content.update(other)


def add_arm(repository: Repository) -> None:
    def change(study: dict[str, Any]) -> None:
        study["arms"]["mine"] = {**study["arms"]["base-grpo"], "title": "Mine", "reward": "accuracy", "paper": None}
        study["run"]["demo"].append("mine")

    repository.edit("config/config.yaml", change)


def reward(name: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda study: study["rewards"][name]["terms"].update(changes)


@dataclass(frozen=True)
class Edit:
    """An edit and the jobs that it has to cause."""

    make: Callable[[Repository], None]
    jobs: set[str]


EDITS = {
    "touch a file": Edit(touch, set()),
    "reorder config keys": Edit(reorder, set()),
    "edit a reward term": Edit(
        lambda made: made.edit("src/visualzero/rewards/format.py", "return float(", "return 1.0 * float("),
        retrained("base-grpo"),
    ),
    "change its weight": Edit(
        lambda made: made.edit("config/config.yaml", reward("r1", format=0.5)), retrained("base-grpo")
    ),
    "switch one arm's reward": Edit(
        lambda made: made.edit(
            "config/config.yaml", lambda study: study["arms"]["instruct-grpo-answer-only"].update(reward="r1")
        ),
        retrained("instruct-grpo-answer-only"),
    ),
    "add an arm": Edit(add_arm, retrained("mine")),
    "edit a line of the SFT code": Edit(
        lambda made: made.edit("src/visualzero/training/sft.py", "train_sft(run: Run)", "train_sft( run: Run)"),
        retrained("base-sft"),
    ),
    "edit an env file": Edit(
        lambda made: made.edit("envs/report.yaml", "python=3.11", "python=3.12"), {"Report of demo"}
    ),
    "edit the report template": Edit(
        lambda made: made.edit("src/visualzero/report/template.html.jinja", "</body>", "<p>seen</p></body>"),
        {"Report of demo"},
    ),
}

WITH_LINKS = ("touch a file", "edit a reward term", "add an arm", "edit the report template")
MADE = {cache: tuple(EDITS) if cache == "copy" else WITH_LINKS for cache in CACHES}


# Edits


def make_all(made: Repository, edits: tuple[str, ...]) -> dict[tuple[str, str], set[str]]:
    """The jobs of each edit by the way in."""
    jobs = {}
    for name in edits:
        EDITS[name].make(made)
        jobs[name, "snakemake"] = made.snakemake("-n", "all")
        jobs[name, "dvc repro"] = made.repro()
    return jobs


@pytest.fixture(scope="module")
def caches(recorded: Repository, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Repository]:
    folder = tmp_path_factory.mktemp("caches")
    return {cache: copy_of(recorded, folder / cache, cache) for cache in CACHES}


@pytest.fixture(scope="module")
def jobs(caches: dict[str, Repository]) -> dict[str, dict[tuple[str, str], set[str]]]:
    with ThreadPoolExecutor() as threads:
        return dict(zip(caches, threads.map(make_all, caches.values(), MADE.values()), strict=True))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("cache", "edit"), [(cache, edit) for cache in CACHES for edit in MADE[cache]])
def test_an_edit_runs_exactly_its_jobs(jobs: Any, cache: str, door: str, edit: str) -> None:
    assert jobs[cache][edit, door] == EDITS[edit].jobs


@pytest.mark.parametrize("cache", CACHES)
def test_after_all_edits_both_call_everything_up_to_date(jobs: Any, caches: dict[str, Repository], cache: str) -> None:
    assert caches[cache].snakemake("-n", "all") == set()
    assert "up to date" in caches[cache].ok("dvc", "status")


@pytest.mark.parametrize("cache", CACHES)
def test_no_object_of_the_cache_was_written_through_its_link(
    jobs: Any, caches: dict[str, Repository], cache: str
) -> None:
    assert altered_objects(caches[cache]) == []
    model = caches[cache].folder / "results/demo/runs/base-grpo/1/model/model.safetensors"
    linked = {"copy": False, "hardlink": model.stat().st_nlink > 1, "symlink": model.is_symlink()}
    assert linked[cache] == (cache != "copy"), "the cache was of another kind"


# One after the other


def test_what_snakemake_has_run_dvc_only_records(recorded: Repository, tmp_path: Path) -> None:
    made = copy_of(recorded, tmp_path / "copy", "hardlink")
    EDITS["change its weight"].make(made)
    assert made.snakemake("all") == retrained("base-grpo")
    assert "fingerprints" in made.ok("dvc", "status")
    assert made.repro() == set()
    assert "up to date" in made.ok("dvc", "status")
    assert made.snakemake("all") == set()
    assert altered_objects(made) == []
    told = made.ok("dvc", "params", "diff", "--json")
    assert json.loads(told)["config/config.yaml"]["rewards.r1.terms.format"]["new"] == 0.5
    assert set(json.loads(told)["results/demo/fingerprints.json"]) == {
        "train.base-grpo.1",
        "evaluate.base-grpo",
        "report",
    }
    scores = json.loads(made.ok("dvc", "metrics", "diff", "--all", "--json"))["results/demo/report/metrics.json"]
    assert {"base.toyspace.micro", "base-grpo.toyspace.micro", "base-grpo.toyspace.Count"} <= set(scores)
    curves = json.loads(made.ok("dvc", "plots", "diff", "--json"))["data"]["results/demo/report/curves.csv"]
    shown = curves[0]["content"]["data"]["values"]
    assert {(row["run"], row["rev"]) for row in shown} >= {("base-grpo/1", "HEAD"), ("base-grpo/1", "workspace")}


def test_an_experiment_runs_what_its_setting_concerns(recorded: Repository, tmp_path: Path) -> None:
    made = copy_of(recorded, tmp_path / "copy")
    output = made.ok("dvc", "exp", "run", "--set-param", "config/config.yaml:rewards.r1.terms.format=0.25")
    assert jobs_in(output) == retrained("base-grpo")
    assert "up to date" in made.ok("dvc", "status")
    assert made.snakemake("-n", "all") == set()
