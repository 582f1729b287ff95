"""`visualzero hydrate`: let Snakemake believe in exactly the results that DVC has verified.

After `git clone` and `dvc pull`, `dvc checkout` or a branch switch, results are there that Snakemake did not make: it
knows nothing of them, or remembers others. If every output has the digest that dvc.lock records, and the lock was made
from the code and the config of now, Snakemake is told that it made them; else nothing is changed.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from visualzero import jobs
from visualzero.config import Study
from visualzero.errors import UserError
from visualzero.layout import Layout, seeds_of
from visualzero.progress import say
from visualzero.reruns.ledger import remember
from visualzero.reruns.lineage import read_fingerprints, stage_fingerprints

STAMP = "fingerprints"  # the stage whose inputs are all code: the fingerprints that it writes are compared themselves
SHOWN = 5


def hydrate(study: Study, layout: Layout) -> None:
    """Verify the results against dvc.lock and hand them over to Snakemake.

    Raises:
        UserError: if there is no lock, an output is missing or altered, or the lock is of another code or config.
    """
    pipeline = pipeline_of(study.scale)
    lock = pipeline.with_name("dvc.lock")
    if not lock.is_file():
        raise UserError(f"{lock}: no such file: nothing was recorded: run `dvc repro {pipeline}`")
    _refuse_conflict(lock)
    altered, remotes = _altered(pipeline)
    if altered:
        first = "" if remotes else "name a remote (`dvc remote add --local --default NAME URL`, docs/reruns.md), then "
        raise UserError(
            f"results/{study.scale}: {_few(altered)}: not what {lock} records:"
            f" {first}get them with `dvc pull` or `dvc checkout`, or make them with `dvc repro`"
        )
    now, then = stage_fingerprints(study), read_fingerprints(layout)
    if differs := _differences(then, now):
        raise UserError(
            f"{_few(differs)}: code or config is not that of {lock}: hydrate at the commit that made it"
            " (git stash keeps your edits), then come back: only what they concern will run again"
        )
    _touch(study.scale)
    _remember(study, layout)
    say(f"results/{study.scale}: verified against {lock}, and Snakemake knows them: nothing has to run")


def pipeline_of(scale: str) -> Path:
    """The dvc.yaml of a scale: the demo's lies in the root."""
    return Path("dvc.yaml") if scale == "demo" else Path(scale) / "dvc.yaml"


def _refuse_conflict(lock: Path) -> None:
    """A UserError where a merge has left both sides in the lock."""
    for number, line in enumerate(lock.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if line.startswith("<<<<<<< "):
            raise UserError(
                f"{lock}:{number}: holds a merge conflict: take a side (`git checkout --ours {lock}`, or --theirs),"
                " then `dvc checkout`; where both sides changed results, `dvc repro` makes the merged ones"
            )


def _altered(pipeline: Path) -> tuple[list[str], list[str]]:
    """Outputs and inputs that differ from the lock, as `path (missing)`; and the names of the remotes."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            status: dict[str, list[Any]] = repo.status(targets=[str(pipeline)])
            remotes = list(repo.config["remote"])
    except DvcException as error:
        raise UserError(f"{pipeline}: {error}: correct it, or see `dvc status`") from None
    found = []
    for stage, entries in status.items():
        for entry in entries:
            parts = entry.items() if isinstance(entry, dict) else [(entry, {})]
            for kind, files in parts:
                if stage.rpartition(":")[2] == STAMP and kind == "changed deps":
                    continue
                found += [f"{name} ({said})" for name, said in _flat(files)] or [f"{stage} ({kind})"]
    return list(dict.fromkeys(found)), remotes


def _flat(files: dict[str, Any]) -> list[tuple[str, str]]:
    """File and state; for params, the file and what became of its keys."""
    return [
        (name, said if isinstance(said, str) else ", ".join(f"{key} {state}" for key, state in said.items()))
        for name, said in files.items()
    ]


def _differences(then: Any, now: Any, place: str = "") -> list[str]:
    """Keys at which two nested mappings differ, as `train.base-grpo`."""
    if isinstance(then, dict) and isinstance(now, dict):
        keys = dict.fromkeys([*then, *now])
        pairs = [(f"{place}.{key}" if place else key, then.get(key), now.get(key)) for key in keys]
        return [found for name, old, new in pairs for found in _differences(old, new, name)]
    return [] if then == now else [place]


def _few(found: list[str]) -> str:
    rest = len(found) - SHOWN
    return ", ".join(found[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _touch(scale: str) -> None:
    """Let Snakemake record every output as made now, and make sure that it has nothing to run."""
    command = [sys.executable, "-m", "snakemake", "all", "--config", f"scale={scale}"]
    for options in (["--touch", "--forceall"], ["--dry-run"]):
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        if done.returncode or (options == ["--dry-run"] and "Nothing to be done" not in said):
            raise UserError(f"snakemake {' '.join(options)} all: could not take the results over:\n{said.strip()}")


def _remember(study: Study, layout: Layout) -> None:
    """Keep the parts of every job, so that `visualzero why` can tell what changes from here on."""
    made = [jobs.summary_parts(study), jobs.report_parts(study)]
    made += [jobs.data_parts(study, name) for name in ("train", *study.data.benchmarks)]
    made += [jobs.model_parts(study, init) for init in {study.origin(arm) for arm in study.arms}]
    for arm, spec in study.arms.items():
        controls = [None, *(control for control, asked in study.controls if arm in asked)]
        made += [jobs.run_parts(study, arm, seed) for seed in seeds_of(study, arm) if spec.trained]
        made += [jobs.predict_parts(study, arm, name, kind) for name in study.data.benchmarks for kind in controls]
        made.append(jobs.score_parts(study, arm))
        if arm in study.sampled_arms():
            made += [jobs.sample_parts(study, arm), jobs.sample_scores_parts(study, arm)]
        if arm in study.intervened_arms():
            made += [jobs.intervention_parts(study, arm), jobs.intervention_scores_parts(study, arm)]
    for parts in made:
        remember(layout, parts)
