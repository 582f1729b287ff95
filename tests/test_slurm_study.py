"""The literal `snakemake --profile slurm all`, on a real SLURM, each rule in a real conda environment of its own."""

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from local_conda import make_conda
from slurm import SlurmStudy, make_study, slurm
from workspace import Workspace

pytestmark = pytest.mark.slow

SETTINGS = {
    "run": {"demo": ["base", "base-sft", "base-grpo"]},
    "controls": {"no_image": ["base-grpo"], "shuffled_image": [], "swapped_options": []},
}
# Which environment each rule's log has to name, by the log's folder.
ENVS = {"questions": "data", "models": "data", "sft": "train", "grpo": "train", "predict": "evaluate"}
ENVS |= {"score": "evaluate", "summarize": "evaluate", "report": "report"}


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmStudy]:
    """A finished study; tests read it."""
    with slurm(tmp_path_factory.mktemp("c"), nodes=2, gpus=2, cpus=4) as cluster:
        conda = make_conda(tmp_path_factory.mktemp("conda"))
        study = make_study(tmp_path_factory.mktemp("slurm") / "study", cluster, SETTINGS, conda)
        head, given = study.start("all"), {}
        while head.poll() is None:
            given |= gpus_given(study)
        assert head.returncode == 0, study.head_log()
        (study.folder / "given.json").write_text(json.dumps(given))
        yield study


def gpus_given(study: SlurmStudy) -> dict[str, str]:
    """Which GPU of its node each running job has, by SLURM's own account."""
    time.sleep(0.5)
    lines = study.ask("scontrol", "--details", "--oneliner", "show", "job").splitlines()
    found = (re.search(r"JobId=(\d+) .*GRES=gpu:fake:1\(IDX:(\d)\)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


@pytest.fixture(scope="module")
def local(studied: SlurmStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same study on this machine up to its numbers, without a profile; its folder."""
    folder = tmp_path_factory.mktemp("local") / "study"
    make_study(folder, studied.cluster, SETTINGS)
    done = Workspace(folder, {}).run("snakemake", "results/demo/summary.json")
    assert done.returncode == 0, done.stdout
    return folder


def logs(study: SlurmStudy) -> dict[Path, str]:
    """Logs of rules, by their path below logs/demo."""
    folder = study.folder / "logs/demo"
    return {path.relative_to(folder): path.read_text() for path in sorted(folder.rglob("*.log"))}


def test_every_rule_ran_in_its_own_environment(studied: SlurmStudy) -> None:
    made = {
        re.findall(r"^name: visualzero-(\S+)", file.read_text(), re.MULTILINE)[0]: str(file).removesuffix(".yaml")
        for file in (studied.folder / ".snakemake/conda").glob("*.yaml")
    }
    assert set(made) == {"data", "evaluate", "report", "train"}
    seen = set()
    for path, text in logs(studied).items():
        rule = path.parts[0].removesuffix(".log")
        assert f"# Python environment {made[ENVS[rule]]}\n" in text, path
        seen.add(rule)
    assert seen == set(ENVS)


def test_jobs_ran_side_by_side(studied: SlurmStudy) -> None:
    def when(job: dict[str, str], key: str) -> datetime:
        return datetime.fromisoformat(job[key])

    jobs = studied.jobs()
    peak = max(sum(when(other, "begun") <= when(job, "begun") < when(other, "ended") for other in jobs) for job in jobs)
    assert peak >= 3


def test_answers_and_their_score_are_one_job(studied: SlurmStudy) -> None:
    comments = [job["comment"] for job in studied.jobs()]
    assert sum("evaluation" in comment for comment in comments) == 4
    assert len(comments) == 2 + 1 + 2 + 4 + 1  # questions, model, trainings, evaluations, summary with report


def test_training_sees_the_gpu_that_slurm_gave(studied: SlurmStudy) -> None:
    given = json.loads((studied.folder / "given.json").read_text())
    for log in (Path("sft/base-sft/1.log"), Path("grpo/base-grpo/1.log")):
        [job] = re.findall(r"SLURM job (\d+)", logs(studied)[log])
        [seen] = re.findall(r"# CUDA_VISIBLE_DEVICES (\S+)", logs(studied)[log])
        assert seen == given[job]


@pytest.mark.parametrize(
    "name",
    [
        "data/train.parquet",
        "runs/base-sft/1/model/model.safetensors",
        "runs/base-grpo/1/model/model.safetensors",
        "predictions/base-grpo/1/toyspace.no_image.jsonl",
        "scores/base/untrained/toyspace.jsonl",
        "summary.json",
    ],
)
def test_results_are_those_of_a_local_run(studied: SlurmStudy, local: Path, name: str) -> None:
    assert (studied.folder / "results/demo" / name).read_bytes() == (local / "results/demo" / name).read_bytes()


def test_a_second_run_submits_nothing(studied: SlurmStudy) -> None:
    before = len(studied.jobs())
    studied.run("all")
    assert "Nothing to be done" in studied.head_log()
    assert len(studied.jobs()) == before
