"""Whose code runs: a job runs that of its own tree, whatever else is installed; by hand, another tree's is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from repository import make_repository
from visualzero.config import read_study
from visualzero.errors import UserError
from visualzero.jobs import data_fingerprint
from visualzero.manifest import read_manifest
from visualzero.source_tree import PACKAGE, check_tree, leave_out_user_packages, put_this_python_first

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "workflow", "config", "envs", "profiles", "models", "src")
SOURCE = "src/visualzero/data/toyspace/questions.py"
ASKED, EDITED = "are in the image?", "are there in the image?"
TABLE = "results/demo/data/toyspace.parquet"
SMALL = ("--config", "data={benchmarks: {toyspace: {source: {n: 4}}}}")


def another_tree(folder: Path) -> Path:
    """A tree of which `visualzero` was not installed, with an edit."""
    folder.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.safetensors")
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, folder / part)
    source = folder / SOURCE
    source.write_text(source.read_text().replace(ASKED, EDITED))
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return another_tree(tmp_path / "tree")


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of the environment in which the original tree is installed, by its path, as without activation."""
    programs = Path(sys.executable).parent
    return subprocess.run(
        [str(programs / command[0]), *command[1:]],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment,
        capture_output=True,
        text=True,
    )


def counts_asked(folder: Path) -> list[str]:
    table = pd.read_parquet(folder / TABLE)
    return list(table["question"][table["task"] == "Count"])


def test_a_job_runs_the_code_of_its_tree_and_neither_an_installed_one_nor_one_of_the_users(
    tree: Path, tmp_path: Path
) -> None:
    hijack = tmp_path / "hijack"
    hijack.mkdir()
    seen = tmp_path / "seen"  # by every Python that takes packages from there
    (hijack / "sitecustomize.py").write_text(f"import sys\nprint(sys.orig_argv, file=open({str(seen)!r}, 'a'))\n")
    (tree / "pandas.py").write_text("raise SystemExit('a file in the working folder')\n")
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho 'another Python' >&2\nexit 1\n")
    python.chmod(0o755)
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    done = run(tree, "snakemake", "--cores", "1", TABLE, *SMALL, PYTHONPATH=str(hijack), PATH=path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [EDITED in question for question in counts_asked(tree)] == [True]
    [driver] = seen.read_text().splitlines()
    assert "snakemake" in driver, "of all processes only the first, which nothing can be done about"
    mine = data_fingerprint(
        read_study(ROOT / "config/config.yaml", ["data.benchmarks.toyspace.source.n=4"]), "toyspace"
    )
    assert read_manifest(tree / TABLE.replace(".parquet", ".json"))["fingerprint"] != mine
    again = run(tree, "snakemake", "-n", TABLE, *SMALL)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_by_hand_the_code_of_another_tree_is_refused(tree: Path) -> None:
    done = run(tree, "visualzero", "questions", "toyspace")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error: visualzero: the code of another tree runs ({PACKAGE}), and not that of this one (")
    assert str(tree / "src/visualzero") in line
    assert "run `make env` in" in line
    assert not (tree / "results").exists()


def test_a_tree_may_run_its_own_code_and_a_folder_without_code_any(tree: Path, tmp_path: Path) -> None:
    packages = {name: tree / "src" / name for name in ("visualzero", "groupshare")}
    check_tree(tree, packages)
    check_tree(tmp_path)
    (tmp_path / "link").symlink_to(ROOT)
    check_tree(tmp_path / "link")
    with pytest.raises(UserError, match="the code of another tree runs"):
        check_tree(tree)
    with pytest.raises(UserError, match="groupshare: the code of another tree runs"):
        check_tree(tree, packages | {"groupshare": tmp_path / "site-packages/groupshare"})


def test_a_job_with_other_code_than_its_plan_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from visualzero.cli import main

    monkeypatch.chdir(tmp_path)
    for part in ("config", "envs", "workflow"):
        (tmp_path / part).symlink_to(ROOT / part)
    study = read_study(Path("config/config.yaml"), ["data.train.n=4"])
    main(["--set", "data.train.n=4", "questions", "train", "--planned", data_fingerprint(study, "train")])
    table = Path("results/demo/data/train.parquet")
    made = table.read_bytes()
    for job in (["questions", "train"], ["train", "base-sft"], ["predict", "base", "toyspace"], ["summarize"]):
        with pytest.raises(SystemExit):
            main([*job, "--planned", "0123456789abcdef"])
    assert table.read_bytes() == made


def test_what_a_job_says_of_other_code_names_both_fingerprints(capsys: pytest.CaptureFixture[str]) -> None:
    from visualzero.cli import main

    with pytest.raises(SystemExit):
        main(["report", "--planned", "0123456789abcdef"])
    said = capsys.readouterr().err
    assert "not those that Snakemake has planned this job with (0123456789abcdef, here " in said
    assert "run snakemake again" in said


def test_every_job_is_told_what_it_was_planned_with() -> None:
    for rules in (ROOT / "workflow/rules").glob("*.smk"):
        text = rules.read_text()
        assert text.count("{resources.overrides}") == text.count("--planned {params.fingerprint}"), rules


def test_jobs_find_the_programs_of_the_python_that_plans() -> None:
    environ = {"PATH": "/usr/bin"}
    put_this_python_first(environ)
    assert shutil.which("snakemake", path=environ["PATH"]) == str(Path(sys.executable).parent / "snakemake")


def test_folders_of_the_user_are_left_out_of_the_path_but_for_the_tree_itself() -> None:
    own = str(PACKAGE.parent)
    path = [own, "/module/of/the/cluster", "/env/site-packages"]
    environ = {"PYTHONPATH": f"/module/of/the/cluster{os.pathsep}{own}"}
    leave_out_user_packages(path, environ)
    assert path == [own, "/env/site-packages"]
    assert environ == {"PYTHONNOUSERSITE": "1"}


@pytest.mark.slow
def test_an_experiment_in_a_temporary_copy_runs_that_copys_code(tmp_path: Path) -> None:
    made = make_repository(tmp_path / "repository")
    made.edit(SOURCE, ASKED, EDITED)
    made.ok("dvc", "exp", "run", "--temp", "data")
    [name] = made.ok("dvc", "exp", "list", "--name-only").split()[-1:]
    made.ok("dvc", "get", ".", "results/demo/data", "--rev", name, "--out", "results/demo/data")
    assert [EDITED in question for question in counts_asked(made.folder)] == [True]
