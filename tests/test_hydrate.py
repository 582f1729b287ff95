"""Results that DVC has pulled: Snakemake believes in them once they are verified, and not before."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from repository import Repository, altered_objects, clone_of, copy_of, make_repository
from secrets_given import SECRETS, files_with_a_secret
from visualzero.config import read_study
from visualzero.errors import UserError
from visualzero.layout import Layout
from visualzero.reruns.trust import check_results

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
MODEL = "results/demo/runs/base-grpo/1/model/model.safetensors"
RERUN = {
    "GRPO: base-grpo, seed 1",
    "Responses: base-grpo, seed 1, toyspace",
    "Scores: base-grpo, seed 1, toyspace",
    "Summary of demo",
    "Report of demo",
}


def refused(made: Repository, *command: str) -> str:
    """The one line in which a command says why it does nothing."""
    done = made.run(*command)
    assert done.returncode == 1, done.stdout
    [line] = [
        line for line in done.stdout.splitlines() if "error: " in line or "WorkflowError" in line or ": not " in line
    ]
    return line


def edit_reward(made: Repository) -> None:
    made.edit("src/visualzero/rewards/format.py", "return float(", "return 2.0 * float(")


def test_a_clone_that_has_pulled_has_nothing_to_run_and_then_exactly_what_an_edit_concerns(
    recorded: Repository, tmp_path: Path
) -> None:
    clone = clone_of(recorded, tmp_path / "ein größerer Klon", "symlink")  # blanks and more than ASCII do no harm
    clone.ok("dvc", "pull")
    assert "verified" in clone.ok("visualzero", "hydrate")
    assert clone.snakemake("-n", "all") == set()
    edit_reward(clone)
    told = clone.ok("visualzero", "why")
    assert "grpo/base-grpo: reward term format changed; 1 training, 1 evaluation, report" in told.splitlines()
    assert clone.snakemake("all") == RERUN
    assert clone.repro() == set()
    assert "up to date" in clone.ok("dvc", "status")
    assert altered_objects(clone) == []


def test_a_clone_that_has_pulled_nothing_runs_the_whole_study(recorded: Repository, tmp_path: Path) -> None:
    clone = clone_of(recorded, tmp_path / "clone")
    assert not (clone.folder / "results").exists(), "nothing that a run writes is in git"
    assert len(clone.snakemake("-n", "all")) == 17


def test_snakemake_does_not_believe_in_results_that_nobody_has_verified(recorded: Repository, tmp_path: Path) -> None:
    clone = clone_of(recorded, tmp_path / "clone")
    clone.ok("dvc", "pull")
    done = clone.run("snakemake", "-n", "all")
    assert done.returncode == 1
    assert re.search(r"results/demo/data/train\.parquet and \d+ more: not made here", done.stdout)
    assert " more: not made here, so that nobody knows what from: take over" in done.stdout
    assert "visualzero hydrate" in done.stdout
    for target in ("train", "report", MODEL.replace("model/model.safetensors", "manifest.json")):
        assert "not made here" in clone.run("snakemake", "-n", target).stdout, target
    assert len(clone.snakemake("-n", "--forceall", "all")) == 17


def test_hydrate_refuses_what_is_missing_altered_or_of_other_code(recorded: Repository, tmp_path: Path) -> None:
    made = copy_of(recorded, tmp_path / "copy")
    whole = (made.folder / MODEL).read_bytes()

    (made.folder / MODEL).write_bytes(whole[:-1])
    line = refused(made, "visualzero", "hydrate")
    assert "results/demo/runs/base-grpo (modified)" in line
    assert "not what dvc.lock records" in line
    (made.folder / MODEL).write_bytes(whole)

    (made.folder / "results/demo/summary.json").rename(made.folder / "away.json")
    assert "results/demo/summary.json (deleted)" in refused(made, "visualzero", "hydrate")
    (made.folder / "away.json").rename(made.folder / "results/demo/summary.json")

    edit_reward(made)
    line = refused(made, "visualzero", "hydrate")
    assert "train.base-grpo.1, evaluate.base-grpo, report: code or config is not that of dvc.lock" in line
    made.ok("git", "checkout", "src")

    (made.folder / "src/visualzero/reruns/why.py").open("a").write("# no result depends on this file\n")
    assert "verified" in made.ok("visualzero", "hydrate")

    lock = made.folder / "dvc.lock"
    recorded_text = lock.read_text()
    lock.write_text(f"<<<<<<< HEAD\n{recorded_text}=======\n{recorded_text}>>>>>>> theirs\n")
    line = refused(made, "visualzero", "hydrate")
    assert "dvc.lock:1: holds a merge conflict: take a side (`git checkout --ours dvc.lock`, or --theirs)" in line
    lock.write_text(recorded_text)

    (made.folder / "results/demo/summary.json").unlink()
    assert ": get them with `dvc pull`" in refused(made, "visualzero", "hydrate")
    made.ok("dvc", "remote", "remove", "shared")
    assert "name a remote (`dvc remote add --local --default NAME URL`" in refused(made, "visualzero", "hydrate")

    lock.unlink()
    assert "dvc.lock: no such file" in refused(made, "visualzero", "hydrate")


def test_a_branch_switch_is_a_checkout_and_a_hydrate(recorded: Repository, tmp_path: Path) -> None:
    made = copy_of(recorded, tmp_path / "copy", "hardlink")
    made.ok("git", "switch", "--quiet", "--create", "other")
    edit_reward(made)
    assert made.repro() == RERUN
    made.save("another reward")
    # Snakemake last made what `other` says; with the outputs of `main` it must not take them for that.
    made.ok("git", "switch", "--quiet", "main")
    made.ok("dvc", "checkout")
    made.ok("git", "switch", "--quiet", "other")
    done = made.run("snakemake", "-n", "all")
    assert done.returncode == 1
    assert "base-grpo/1/manifest.json: not what Snakemake has made here, but of another checkout" in done.stdout
    for branch in ("main", "other"):
        made.ok("git", "switch", "--quiet", branch)
        made.ok("dvc", "checkout")
        made.ok("visualzero", "hydrate")
        assert made.snakemake("-n", "all") == set()
    assert altered_objects(made) == []


def test_a_folder_that_has_lost_a_file_is_not_called_up_to_date(recorded: Repository, tmp_path: Path) -> None:
    made = copy_of(recorded, tmp_path / "copy")
    (made.folder / MODEL).unlink()
    done = made.run("snakemake", "-n", "all")
    assert done.returncode == 1
    assert f"{MODEL}: missing, though results/demo/runs/base-grpo/1/manifest.json lists it" in done.stdout
    (made.folder / "results/demo/runs/base-grpo/1/manifest.json").unlink()
    assert "GRPO: base-grpo, seed 1" in made.snakemake("-n", "all")


def another_page(made: Repository) -> Path:
    """The page of somebody else's run."""
    shutil.copy(ROOT / "docs/demo/index.html", made.folder / "results/demo/report/index.html")
    return Path("results/demo/report/index.html")


def another_summary(made: Repository) -> Path:
    """Numbers of a run with another seed, written by whoever restores files: in place, with a new time."""
    path = made.folder / "results/demo/summary.json"
    path.write_text(path.read_text().replace('"micro"', '"micro" ', 1))
    return Path("results/demo/summary.json")


def scores_of_another_arm(made: Repository) -> Path:
    """A copy that keeps its old time, as rsync and tar leave it."""
    scores = made.folder / "results/demo/scores"
    shutil.copy2(scores / "base/untrained/toyspace.jsonl", scores / "base-grpo/1/toyspace.jsonl")
    return Path("results/demo/scores/base-grpo/1/toyspace.jsonl")


def responses_of_an_older_run(made: Repository) -> Path:
    """Other answers, with a time before their manifest's."""
    path = made.folder / "results/demo/predictions/base-sft/1/toyspace.jsonl"
    path.write_text(path.read_text().replace('"stop"', '"length"', 1))
    os.utime(path, (0, 0))
    return Path("results/demo/predictions/base-sft/1/toyspace.jsonl")


def a_manifest_of_another_table(made: Repository) -> Path:
    """What would have the table of now taken for another."""
    path = made.folder / "results/demo/data/toyspace.json"
    path.write_text(path.read_text().replace('"rows": 4', '"rows": 5', 1))
    return Path("results/demo/data/toyspace.json")


@pytest.mark.parametrize(
    "change",
    [another_page, another_summary, scores_of_another_arm, responses_of_an_older_run, a_manifest_of_another_table],
    ids=lambda change: change.__name__,
)
def test_a_file_that_no_job_here_has_left_so_is_never_taken_for_a_result(
    recorded: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Repository], Path]
) -> None:
    made = copy_of(recorded, tmp_path / "copy")
    monkeypatch.chdir(made.folder)
    study = read_study(Path("config/config.yaml"), [])
    check_results(study, Layout("demo"))
    changed = change(made)
    with pytest.raises(UserError) as told:
        check_results(study, Layout("demo"))
    assert f"{changed}: not what was made here, but restored, edited or of another run: delete {changed}" in str(
        told.value
    )


def test_the_page_of_another_run_is_refused_and_made_again_once_it_is_deleted(
    recorded: Repository, tmp_path: Path
) -> None:
    made = copy_of(recorded, tmp_path / "copy")
    assert made.ok("git", "status", "--porcelain") == "", "a run leaves the working tree clean"
    assert made.run("git", "checkout", "results/demo").returncode != 0, "git has nothing to restore there"
    page = made.folder / another_page(made)
    done = made.run("snakemake", "--cores", "1", "all")
    assert done.returncode == 1
    assert "report/index.html: not what was made here" in done.stdout
    page.unlink()
    assert made.snakemake("all") == {"Report of demo"}
    assert made.snakemake("-n", "all") == set()


def test_no_file_of_dvc_and_no_remote_holds_a_secret_of_the_environment(recorded: Repository) -> None:
    assert recorded.environment == SECRETS, "all was made and pushed with them"
    folder = recorded.folder.parent
    assert {path.name for path in folder.iterdir()} >= {"repository", "remote"}
    assert (recorded.folder / "dvc.lock").is_file()
    assert files_with_a_secret(folder) == []


def test_a_deleted_output_is_made_again(recorded: Repository, tmp_path: Path) -> None:
    made = copy_of(recorded, tmp_path / "copy")
    for name in ("predictions/base/untrained/toyspace.jsonl", "runs/base-sft/1/history.parquet"):
        (made.folder / "results/demo" / name).unlink()
    planned = made.snakemake("-n", "all")
    assert {"Responses: base, seed untrained, toyspace", "SFT: base-sft, seed 1"} <= planned
    found = json.loads(made.ok("visualzero", "why", "--json"))
    [change] = [change for change in found["changes"] if change["what"] == "sft/base-sft"]
    assert change["causes"] == ["results/demo/runs/base-sft/1/history.parquet is not there"]


def test_real_training_goes_through_push_clone_pull_hydrate_and_an_edited_reward(tmp_path: Path) -> None:
    made = make_repository(tmp_path / "repository", "hardlink", stand_in=False)
    made.edit("config/config.yaml", lambda study: study["run"].update(demo=["base-grpo"]))
    assert len(made.repro()) == 2 + 1 + 1 + 2 + 2
    assert made.snakemake("-n", "all") == set()
    made.ok("dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    made.ok("dvc", "push")
    made.save("the results")

    clone = clone_of(made, tmp_path / "clone", "symlink")
    clone.ok("dvc", "pull")
    clone.ok("visualzero", "hydrate")
    assert clone.snakemake("-n", "all") == set()
    clone.edit("src/visualzero/rewards/format.py", "return float(", "return 2.0 * float(")
    assert clone.repro() == RERUN
    assert altered_objects(made) == altered_objects(clone) == []
