"""dvc.yaml never drifts from Snakemake: the same outputs, inputs and order, whatever the scale."""

import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from repository import PARTS
from test_workflow import plan
from visualzero.config import Study, read_study
from visualzero.reruns.lineage import stage_fingerprints
from visualzero.reruns.plan import CHECKSUM_BYTES, TRIGGERS

ROOT = Path(__file__).resolve().parents[1]
FILES = {"demo": "dvc.yaml", "paper": "paper/dvc.yaml"}
CODE = {"config/config.yaml", "envs", "src/groupshare", "src/visualzero", "workflow/rules"}


@dataclass(frozen=True)
class Stage:
    """A stage of DVC: paths are relative to the root, `before` are names of stages."""

    name: str
    command: str
    outs: list[str]
    deps: list[str]
    params: dict[str, list[str]]
    before: set[str]
    persisted: bool


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with both pipelines in DVC's sight."""
    folder = tmp_path_factory.mktemp("project")
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "tmp", "cache", "*.safetensors")
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        elif (ROOT / part).exists():
            shutil.copy(ROOT / part, folder / part)
    (folder / ".dvcignore").write_text((ROOT / ".dvcignore").read_text().replace("\n/paper/\n", "\n"))
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module", params=FILES)
def scale(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def study(scale: str) -> Study:
    return read_study(ROOT / "config/config.yaml", [f"scale={scale}"])


@pytest.fixture(scope="module")
def stages(project: Path, scale: str) -> dict[str, Stage]:
    """The stages of DVC at a scale by name."""
    from dvc.repo import Repo

    with Repo(str(project)) as repo:
        mine = {
            stage: stage.name for stage in repo.index.stages if Path(stage.relpath).as_posix().endswith(FILES[scale])
        }
        mine = {stage: name for stage, name in mine.items() if (scale == "paper") == ("paper" in stage.relpath)}

        def path(out: Any) -> str:
            return Path(out.fs_path).relative_to(project).as_posix()

        graph = repo.index.graph
        return {
            name: Stage(
                name=name,
                command=stage.cmd,
                outs=[path(out) for out in stage.outs],
                deps=[path(dep) for dep in stage.deps if not hasattr(dep, "params")],
                params={path(dep): list(dep.params) for dep in stage.deps if hasattr(dep, "params")},
                before={mine[other] for other in graph.successors(stage)},
                persisted=all(out.persist for out in stage.outs),
            )
            for stage, name in mine.items()
        }


@pytest.fixture(scope="module")
def jobs(project: Path, scale: str) -> list[dict[str, Any]]:
    """Snakemake's jobs at a scale that make something."""
    return [job for job in plan(project, "all", f"scale={scale}")["jobs"] if job["output"]]


def stage_of(path: str, stages: dict[str, Stage]) -> str | None:
    """The stage that has a path among its outputs, itself or its folder."""
    found = [
        stage.name for stage in stages.values() if any(path == out or path.startswith(f"{out}/") for out in stage.outs)
    ]
    assert len(found) < 2, f"{path} is an output of {found}"
    return found[0] if found else None


def test_every_output_of_snakemake_is_an_output_of_one_stage(stages: dict[str, Stage], jobs: list[Any]) -> None:
    made = [path for job in jobs for path in (*job["output"], *filter(None, [job["benchmark"]]))]
    assert [path for path in made if stage_of(path, stages) is None] == []


def test_every_output_of_a_stage_is_made_by_snakemake(
    stages: dict[str, Stage], jobs: list[Any], study: Study, scale: str
) -> None:
    made = [path for job in jobs for path in (*job["output"], *filter(None, [job["benchmark"]]))]
    outs = [out for stage in stages.values() for out in stage.outs]
    empty = {out for out in outs if not any(path == out or path.startswith(f"{out}/") for path in made)}
    untrained = {f"results/{scale}/runs/{name}" for name, arm in study.arms.items() if not arm.trained}
    assert empty == untrained | {f"results/{scale}/fingerprints.json"}


def test_every_file_that_nobody_makes_is_a_dep(stages: dict[str, Stage], jobs: list[Any], scale: str) -> None:
    made = {path for job in jobs for path in job["output"]}
    given = {path for job in jobs for path in job["input"]} - made
    deps = {dep for stage in stages.values() for dep in stage.deps if not dep.startswith("results/")}
    assert deps == given | CODE | {f"config/scale/{scale}.yaml"}


def test_stages_come_in_the_order_of_the_jobs(
    stages: dict[str, Stage], jobs: list[Any], study: Study, scale: str
) -> None:
    makers = {path: stage_of(path, stages) for job in jobs for path in job["output"]}
    edges = {
        (stage_of(job["output"][0], stages), makers[path])
        for job in jobs
        for path in job["input"]
        if path in makers and makers[path] != stage_of(job["output"][0], stages)
    }
    declared = {(stage.name, other) for stage in stages.values() for other in stage.before}
    # One command trains all arms, in Snakemake's order.
    among_runs = {(a, b) for a, b in edges if a and b and a.startswith("train@") and b.startswith("train@")}
    assert edges - among_runs <= declared
    # An arm's evaluation needs initial models if it is not trained, else the arm's run; DVC is told of both. The report
    # shows all runs, of which those of untrained arms are empty.
    either = {(f"evaluate@{arm}", other) for arm in study.arms for other in ("models", f"train@{arm}")}
    either |= {("report", f"train@{name}") for name, arm in study.arms.items() if not arm.trained}
    first = {(name, "fingerprints") for name in stages if name != "fingerprints"}
    initial = {(f"train@{name}", other) for name in study.arms for other in ("data", "models")}
    assert declared - edges <= either | first | initial


def test_every_command_is_a_target_that_makes_the_stage(
    project: Path, stages: dict[str, Stage], jobs: list[Any], scale: str
) -> None:
    assert stages["fingerprints"].command == f"PYTHONPATH=src visualzero --set scale={scale} fingerprints"
    targets: dict[str, set[str]] = {}
    for name, stage in stages.items():
        if name == "fingerprints":
            continue
        found = re.match(rf"snakemake (\w+) --config scale={scale}(?: && mkdir -p [^ ]+)?$", stage.command)
        assert found, stage.command
        targets.setdefault(found[1], set()).add(name)
    assert {target: {name.partition("@")[0] for name in names} for target, names in targets.items()} == {
        target: {target} for target in ("data", "models", "train", "evaluate", "report")
    }
    for target, names in targets.items():
        if target == "report":
            continue  # all there is
        planned = plan(project, target, f"scale={scale}")["jobs"]
        made = {stage_of(path, stages) for job in planned for path in job["output"]}
        trained = {name for name in names if any(stage_of(job["output"][0], stages) == name for job in jobs)}
        assert trained <= made


def test_there_is_a_stage_for_every_arm_that_is_run(stages: dict[str, Stage], study: Study) -> None:
    for group in ("train", "evaluate"):
        assert {name.partition("@")[2] for name in stages if name.startswith(f"{group}@")} == set(study.arms)


def test_every_stage_is_decided_by_its_part_of_the_fingerprints(
    stages: dict[str, Stage], study: Study, scale: str
) -> None:
    written = stage_fingerprints(study)
    for name, stage in stages.items():
        if name == "fingerprints":
            continue
        group, _, arm = name.partition("@")
        assert stage.params == {f"results/{scale}/fingerprints.json": [f"{group}.{arm}" if arm else group]}
        assert (written[group][arm] if arm else written[group]) is not None


def test_only_snakemake_removes_outputs(stages: dict[str, Stage]) -> None:
    assert all(stage.persisted for stage in stages.values())


def test_dvc_keeps_every_output_and_git_none(scale: str) -> None:
    content = yaml.safe_load((ROOT / FILES[scale]).read_text())
    for stage in content["stages"].values():
        for out in stage.get("do", stage)["outs"]:
            [(path, options)] = out.items()
            name = path.replace("${item}", "base").replace("${key}", "base")
            ignored = subprocess.run(["git", "check-ignore", "--quiet", "--no-index", name], cwd=ROOT).returncode == 0
            assert ignored, path
            assert options == {"persist": True}, path


def test_a_plan_goes_by_the_triggers_of_the_profile() -> None:
    profile = yaml.safe_load((ROOT / "profiles/default/profile.v9+.yaml").read_text())
    assert tuple(profile["rerun-triggers"]) == TRIGGERS
    assert profile["max-checksum-file-size"] == "1GB"
    assert CHECKSUM_BYTES == 1_000_000_000


# What is committed


@pytest.fixture(scope="module")
def lock() -> dict[str, Any]:
    if not (ROOT / "dvc.lock").is_file():
        pytest.skip("no results are committed: `make record` makes and records them")
    content: dict[str, Any] = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    return content


def test_the_committed_lock_is_of_this_code_and_config(lock: dict[str, Any]) -> None:
    now = stage_fingerprints(read_study(ROOT / "config/config.yaml", ["scale=demo"]))
    for name, stage in lock.items():
        for values in stage.get("params", {}).values():
            for key, value in values.items():
                group, _, arm = key.partition(".")
                assert value == (now[group][arm] if arm else now[group]), f"{name}: run `make record`"


def test_the_recorded_demo_is_what_the_committed_lock_describes(lock: dict[str, Any]) -> None:
    outs = {Path(out["path"]).name: out["md5"] for out in lock["report"]["outs"] if not out["md5"].endswith(".dir")}
    recorded = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in (ROOT / "docs/demo").iterdir()}
    assert recorded == outs, "run `make record`"
