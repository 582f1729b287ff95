"""The workflow: quick and pure to plan, every rule described, and every job with the study that was planned."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from visualzero.cli import parser
from visualzero.cli.commands import given_overrides
from visualzero.config import overrides_of, read_study

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "workflow", "config", "envs", "profiles")
UNTRAINED, TRAINED = {"base", "base-reason", "instruct"}, {"base-sft", "base-grpo", "instruct-grpo"}
ASKED = 3  # times that a trained arm is asked: as it is, without image, with another image
DEFAULT = {
    "all": 1,
    "questions": 2,
    "initial_model": 2,
    "train_sft": 1,
    "train_grpo": 2,
    "predict": 12,
    "score": 12,
    "summarize": 1,
    "page": 1,
}
# Prints what Snakemake understands of the workflow, as JSON. Its jobs can't be had without private names.
PLAN = """
import json, sys, time
from pathlib import Path
from snakemake.api import SnakemakeApi
from snakemake.cli import parse_config
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

HEAVY = ("torch", "transformers", "trl", "datasets", "matplotlib", "huggingface_hub")
target, *overrides = sys.argv[1:]
begun = time.process_time()
with SnakemakeApi(OutputSettings(quiet={Quietness.ALL}, dryrun=True)) as api:
    planned = api.workflow(
        resource_settings=ResourceSettings(cores=1),
        config_settings=ConfigSettings(config=parse_config(overrides)),
        snakefile=Path("Snakefile"),
    )
    planned.dag(DAGSettings(targets={target}, forceall=True))
    workflow = planned._workflow
    workflow._prepare_dag(forceall=True, ignore_incomplete=True, lock_warn_only=True)
    workflow._build_dag()
    plan = {
        "seconds": time.process_time() - begun,
        "loaded": [name for name in HEAVY if name in sys.modules],
        "study": workflow.globals["study"].model_dump(mode="json"),
        "rules": {
            rule.name: {
                "local": rule.name in workflow._localrules,
                "message": rule.message,
                "log": list(map(str, rule.log)),
                "conda": rule.conda_env,
                "resources": list(rule.resources),
            }
            for rule in workflow.rules
        },
        "jobs": [
            {
                "rule": job.rule.name,
                "wildcards": dict(job.wildcards_dict),
                "input": list(map(str, job.input)),
                "output": list(map(str, job.output)),
                "benchmark": str(job.benchmark) if job.benchmark else None,
                "params": dict(job.params.items()),
                "shell": job.shellcmd,
                "shown": {
                    str(path): str(path.flags["report"].caption.get_filename())
                    for path in job.output
                    if "report" in path.flags
                },
            }
            for job in workflow.dag.jobs
        ],
    }
print(json.dumps(plan))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Snakemake reads of the repository, without any results."""
    folder = tmp_path_factory.mktemp("repository")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part)
        else:
            shutil.copy(ROOT / part, folder / part)
    for name in ("tiny-base", "tiny-instruct"):
        (folder / "models" / name).mkdir(parents=True)
        (folder / "models" / name / "manifest.json").write_text('{"files": {}}')
    return folder


def plan(copy: Path, target: str, *overrides: str) -> dict[str, Any]:
    command = [sys.executable, "-c", PLAN, target, *overrides]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.fixture(scope="module")
def default(copy: Path) -> dict[str, Any]:
    return plan(copy, "all")


@pytest.fixture(scope="module")
def overridden(copy: Path) -> dict[str, Any]:
    """The plan for two seeds, another number of steps and a reward's term that is text to a shell."""
    return plan(copy, "all", "seeds=[1,2]", "grpo={steps: 7}", 'arms={base-grpo: {title: "it\'s $HOME: {x}"}}')


def snakemake(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", *arguments]
    return subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)


def files(folder: Path) -> dict[str, int]:
    """Every file but Snakemake's own notes, with its time of change."""
    found = (path for path in folder.rglob("*") if ".snakemake" not in path.parts)
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in found}


def count(plan: dict[str, Any]) -> Counter[str]:
    return Counter(job["rule"] for job in plan["jobs"])


def arms(plan: dict[str, Any], rule: str) -> Counter[str]:
    return Counter(job["wildcards"]["arm"] for job in plan["jobs"] if job["rule"] == rule)


def blocks() -> dict[str, str]:
    """The text of every rule by name."""
    texts = [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]
    found: dict[str, str] = {}
    for text in texts:
        _, *parts = re.split(r"^rule (\w+):\n", text.read_text(), flags=re.MULTILINE)
        found |= dict(zip(parts[::2], parts[1::2], strict=True))
    return found


# Planning


def test_a_dry_run_writes_nothing_and_counts_the_jobs_of_the_study(copy: Path) -> None:
    before = files(copy)
    done = snakemake(copy, "-n", "all")
    assert done.returncode == 0, done.stderr
    assert files(copy) == before
    table = (done.stdout + done.stderr).split("Job stats:")[-1]
    assert {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)} == {
        **DEFAULT,
        "total": sum(DEFAULT.values()),
    }


def test_planning_takes_under_two_seconds_and_no_heavy_library(default: dict[str, Any]) -> None:
    assert default["seconds"] < 2
    assert default["loaded"] == []


def test_the_demo_trains_each_trained_arm_once_and_evaluates_each_arm_once(default: dict[str, Any]) -> None:
    assert count(default) == DEFAULT
    assert arms(default, "train_sft") + arms(default, "train_grpo") == Counter(TRAINED)
    expected = Counter({**dict.fromkeys(TRAINED, ASKED), **dict.fromkeys(UNTRAINED, 1)})
    assert arms(default, "predict") == arms(default, "score") == expected


def test_a_second_seed_doubles_trained_arms_and_no_others(overridden: dict[str, Any]) -> None:
    assert arms(overridden, "train_sft") + arms(overridden, "train_grpo") == Counter(dict.fromkeys(TRAINED, 2))
    expected = Counter({**dict.fromkeys(TRAINED, 2 * ASKED), **dict.fromkeys(UNTRAINED, 1)})
    assert arms(overridden, "predict") == arms(overridden, "score") == expected
    assert count(overridden) == DEFAULT | {"train_sft": 2, "train_grpo": 4, "predict": 21, "score": 21}


def test_control_questions_are_a_job_of_their_own(default: dict[str, Any]) -> None:
    for rule in ("predict", "score"):
        asked = {
            (job["wildcards"]["arm"], job["wildcards"]["control"]): job
            for job in default["jobs"]
            if job["rule"] == rule
        }
        assert {control for arm, control in asked if arm in TRAINED} == {"", ".no_image", ".shuffled_image"}
        assert {control for arm, control in asked if arm in UNTRAINED} == {""}
        job = asked["base-grpo", ".no_image"]
        assert Path(job["output"][0]).name == "toyspace.no_image.jsonl"
        assert "--control no_image" in job["shell"]
        assert "--control" not in asked["base-grpo", ""]["shell"]


def test_shards_are_jobs_that_gather_joins(default: dict[str, Any], copy: Path) -> None:
    sharded = plan(copy, "evaluate", "evaluate={shards: 3}")
    assert count(sharded)["predict"] == 3 * DEFAULT["predict"]
    assert count(sharded)["gather"] == DEFAULT["predict"]
    for command in commands(sharded):
        assert parser().parse_args(command)
    made = {job["output"][0]: job for job in sharded["jobs"] if job["rule"] == "predict"}
    whole = {job["output"][0]: job for job in default["jobs"] if job["rule"] == "predict"}
    for job in (job for job in sharded["jobs"] if job["rule"] == "gather"):
        shards = [made[path] for path in job["input"] if path in made]
        assert [shard["wildcards"]["scatteritem"] for shard in shards] == ["1-of-3", "2-of-3", "3-of-3"]
        assert all(f"--shard {shard['wildcards']['scatteritem']}" in shard["shell"] for shard in shards)
        same = whole[job["output"][0]]
        assert {shard["params"]["fingerprint"] for shard in [*shards, job]} == {same["params"]["fingerprint"]}


def test_the_paper_scale_plans_every_arm(copy: Path) -> None:
    planned = plan(copy, "all", "scale=paper")
    every = read_study(ROOT / "config/config.yaml", ["run=all"]).arms
    assert {job["wildcards"]["arm"] for job in planned["jobs"] if job["rule"] == "predict"} == set(every)
    trained = {name for name, arm in every.items() if arm.trained}
    assert set(arms(planned, "train_sft") + arms(planned, "train_grpo")) == trained


def test_an_arm_that_starts_from_another_waits_for_its_run(copy: Path) -> None:
    planned = plan(copy, "results/demo/runs/base-coldstart-grpo/1/manifest.json", "run=all")
    inputs = {job["wildcards"]["arm"]: job["input"] for job in planned["jobs"] if "arm" in job["wildcards"]}
    runs = "results/demo/runs"
    assert f"{runs}/base-coldstart/1/manifest.json" in inputs["base-coldstart-grpo"]
    assert f"{runs}/base-grpo/1/rollouts.parquet" in inputs["base-coldstart"]
    assert "results/demo/models/base/manifest.json" in inputs["base-grpo"]
    assert count(planned) == {"train_sft": 1, "train_grpo": 2, "questions": 1, "initial_model": 1}


def test_an_arm_whose_questions_are_picked_by_rollouts_waits_for_the_run_that_leaves_them(copy: Path) -> None:
    table = "results/demo/runs/base-grpo/1/rollouts.parquet"
    picked = f"arms={{base-grpo-dr: {{difficulty: {{path: {table}}}}}}}"
    planned = plan(copy, "results/demo/runs/base-grpo-dr/1/manifest.json", "run=all", picked)
    inputs = {job["wildcards"]["arm"]: job["input"] for job in planned["jobs"] if "arm" in job["wildcards"]}
    assert inputs.keys() == {"base-grpo", "base-grpo-dr"}
    assert table in inputs["base-grpo-dr"]


def test_the_curve_asks_every_checkpoint_that_runs_keep(copy: Path) -> None:
    planned = plan(copy, "curve", "grpo={steps: 10, checkpoint_steps: 4}")
    asked = {
        (job["wildcards"]["arm"], job["wildcards"]["step"])
        for job in planned["jobs"]
        if job["rule"] == "predict_checkpoint"
    }
    assert asked == {(arm, step) for arm in ("base-grpo", "instruct-grpo") for step in ("4", "8")}
    for command in commands(planned):
        assert parser().parse_args(command)


def test_the_report_draws_the_curve_where_runs_keep_checkpoints(default: dict[str, Any], copy: Path) -> None:
    kept = plan(copy, "all", "grpo={steps: 10, checkpoint_steps: 5}")
    for planned, with_curve in ((default, False), (kept, True)):
        [page] = [job for job in planned["jobs"] if job["rule"] == "page"]
        assert ("results/demo/curve.csv" in page["input"]) is with_curve
        assert count(planned)["accuracy_curve"] == with_curve


def test_where_a_run_is_trained_is_a_resource_and_changes_nothing_else(copy: Path) -> None:
    planned = plan(copy, "sft")
    [job] = [job for job in planned["jobs"] if job["rule"] == "train_sft"]
    assert "--config_file config/accelerate/one_process.yaml --num_processes 1 " in job["shell"]
    assert "logged logs/demo/sft/base-sft/1.log workflow/scripts/on_nodes 1 accelerate launch" in job["shell"]
    done = snakemake(copy, "-np", "sft", "--set-resources", "train_sft:processes=4", "train_sft:accelerate=fsdp2")
    assert "--config_file config/accelerate/fsdp2.yaml --num_processes 4 " in done.stdout + done.stderr


@pytest.mark.parametrize(("processes", "program"), [("1", "python -m visualzero"), ("2", "accelerate launch")])
def test_one_process_is_started_without_a_launcher(tmp_path: Path, processes: str, program: str) -> None:
    for name in ("python", "accelerate"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $@, ${{OMP_NUM_THREADS:-any}} threads"\n')
        (tmp_path / name).chmod(0o755)
    launch = "accelerate launch --config_file config/accelerate/one_process.yaml"
    options = f"--num_processes {processes} --num_cpu_threads_per_process 3 -m visualzero train base-sft"
    command = [ROOT / "workflow/scripts/on_nodes", "1", *launch.split(), *options.split()]
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    assert said.startswith(program)
    assert said.endswith("visualzero train base-sft, 3 threads\n") is (processes == "1")


def test_a_target_plans_its_stage_and_what_that_needs(copy: Path) -> None:
    assert count(plan(copy, "sft")) == {"sft": 1, "train_sft": 1, "questions": 1, "initial_model": 1}


def test_altered_thoughts_are_planned_where_they_are_asked_for(copy: Path) -> None:
    planned = plan(copy, "all", "causes={interventions: {arms: [base, base-grpo]}}")
    assert count(planned) == DEFAULT | {"intervene": 2, "read_interventions": 2}
    [trained] = [
        job for job in planned["jobs"] if job["rule"] == "intervene" and job["wildcards"]["arm"] == "base-grpo"
    ]
    assert "results/demo/predictions/base-grpo/1/toyspace.jsonl" in trained["input"]
    [summary] = [job for job in planned["jobs"] if job["rule"] == "summarize"]
    assert "results/demo/scores/base/untrained/toyspace.interventions.jsonl" in summary["input"]
    alone = plan(copy, "causes", "causes={interventions: {arms: [base]}}", "evaluate={shards: 2}")
    assert count(alone) == {
        "causes": 1,
        "questions": 1,
        "initial_model": 1,
        "predict": 2,
        "gather": 1,
        "intervene": 2,
        "gather_interventions": 1,
        "read_interventions": 1,
    }


# Rules


def test_every_rule_that_is_not_local_is_described(default: dict[str, Any]) -> None:
    described = {name: rule for name, rule in default["rules"].items() if not rule["local"]}
    asked_for = {"tiny_models", "predict_checkpoint", "accuracy_curve", "sample", "read_samples"}
    asked_for |= {"intervene", "read_interventions"}
    assert set(described) == set(DEFAULT) - {"all"} | asked_for
    for name, rule in described.items():
        assert rule["message"], name
        assert rule["log"], name
        assert re.fullmatch(r"\.\./\.\./envs/(data|train|evaluate|report)\.yaml", rule["conda"] or ""), name
        assert {"mem_mb", "runtime"} <= set(rule["resources"]), name
        assert "\n    threads: " in blocks()[name], name


def test_every_job_that_makes_something_has_a_fingerprint(default: dict[str, Any]) -> None:
    for job in default["jobs"]:
        if job["output"]:
            assert re.fullmatch("[0-9a-f]{16}", job["params"]["fingerprint"]), job["rule"]


def test_every_output_is_made_by_one_job_and_lies_in_results(default: dict[str, Any]) -> None:
    made = Counter(output for job in default["jobs"] for output in job["output"])
    assert set(made.values()) == {1}
    assert all(output.startswith("results/demo/") for output in made)  # not work/, which has to survive a failed job


def test_every_input_is_made_by_a_job_or_lies_in_the_repository(default: dict[str, Any]) -> None:
    made = {output for job in default["jobs"] for output in job["output"]}
    given = {file for job in default["jobs"] for file in job["input"]} - made
    assert given == {"models/tiny-base/manifest.json", "models/tiny-instruct/manifest.json"}


def test_snakemakes_report_shows_the_page_and_its_tables_with_captions(default: dict[str, Any]) -> None:
    shown = {Path(path).name: Path(caption) for job in default["jobs"] for path, caption in job["shown"].items()}
    assert shown.keys() == {"index.html", "arms.csv", "scorers.csv", "curves.csv"}
    for caption in shown.values():
        assert (ROOT / "workflow/report" / caption.name).read_text().strip()


def test_snakemake_finds_nothing_to_object_to(copy: Path) -> None:
    done = snakemake(copy, "--lint")
    assert done.returncode == 0, done.stdout + done.stderr


# Jobs


def commands(plan: dict[str, Any]) -> list[list[str]]:
    """The arguments that each job gives to visualzero."""
    words = [shlex.split(job["shell"]) for job in plan["jobs"] if job["shell"]]
    return [found[found.index("visualzero") + 1 :] for found in words]


def test_every_job_calls_a_command_that_there_is(default: dict[str, Any]) -> None:
    called = [parser().parse_args(command) for command in commands(default)]
    assert len(called) == sum(DEFAULT.values()) - 1
    assert all(given_overrides(options) == [] for options in called)


def test_every_job_sees_the_study_that_was_planned(overridden: dict[str, Any]) -> None:
    assert overridden["study"]["seeds"] == [1, 2]
    assert overridden["study"]["grpo"]["steps"] == 7
    assert overridden["study"]["arms"]["base-grpo"]["title"] == "it's $HOME: {x}"
    for command in commands(overridden):
        seen = read_study(ROOT / "config/config.yaml", given_overrides(parser().parse_args(command)))
        assert seen.model_dump(mode="json") == overridden["study"]


def test_an_override_changes_the_fingerprints_of_what_it_concerns(
    default: dict[str, Any], overridden: dict[str, Any]
) -> None:
    def fingerprints(plan: dict[str, Any]) -> dict[tuple[str, ...], str]:
        return {
            (job["rule"], *job["wildcards"].values()): job["params"]["fingerprint"]
            for job in plan["jobs"]
            if job["output"]
        }

    before, after = fingerprints(default), fingerprints(overridden)
    changed = {key[0] for key in before if before[key] != after[key]}
    assert changed == {"train_grpo", "summarize", "page"}


@pytest.mark.parametrize(
    ("given", "override"),
    [
        ({"seeds": ["1", "2"]}, "seeds=[1, 2]"),
        (
            {"grpo": {"beta": "0.1", "gradient_checkpointing": "true"}},
            'grpo={"beta": 0.1, "gradient_checkpointing": true}',
        ),
        ({"models": {"base": {"revision": "null"}}}, 'models={"base": {"revision": null}}'),
        ({"scale": "paper"}, 'scale="paper"'),
        ({"arms": {"base": {"title": "Base: ours"}}}, 'arms={"base": {"title": "Base: ours"}}'),
        ({"arms": {"base": {"title": "[Base"}}}, 'arms={"base": {"title": "[Base"}}'),
        ({"data": {"train": {"path": ""}}}, 'data={"train": {"path": ""}}'),
    ],
    ids=str,
)
def test_what_snakemake_reads_as_text_is_taken_for_what_it_says(given: dict[str, Any], override: str) -> None:
    assert overrides_of(given) == [override]


# Mistakes


def test_a_misspelt_arm_is_told_in_one_line(copy: Path) -> None:
    done = snakemake(copy, "-n", "all", "--config", "comparisons=[{a: bas-grpo, b: base}]")
    assert done.returncode == 1
    told = done.stdout + done.stderr
    assert "Traceback" not in told
    [line] = [line for line in told.splitlines() if "bas-grpo" in line]
    assert "comparisons.0.a: unknown arm 'bas-grpo'; did you mean 'base-grpo'?" in line


# workflow/scripts/logged


@pytest.fixture
def logged(tmp_path: Path) -> Any:
    def run(script: str) -> tuple[subprocess.CompletedProcess[str], str]:
        command = [ROOT / "workflow/scripts/logged", tmp_path / "log", "bash", "-c", script]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": path}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        return done, (tmp_path / "log").read_text()

    assert os.access(ROOT / "workflow/scripts/logged", os.X_OK)
    return run


def test_a_log_holds_everything_and_progress_and_errors_are_shown(logged: Any) -> None:
    done, log = logged("echo loading; echo visualzero: step 1/2 >&2; echo warning >&2; echo error: no disk >&2")
    assert done.returncode == 0
    assert (done.stdout, done.stderr) == ("", "visualzero: step 1/2\nerror: no disk\n")
    where, rest = log.splitlines()[:3], log.splitlines()[3:]
    assert f"# Python environment {sys.prefix}" in where
    assert sorted(rest) == ["error: no disk", "loading", "visualzero: step 1/2", "warning"]


def test_the_log_of_a_failed_attempt_stays_when_another_begins(tmp_path: Path, logged: Any) -> None:
    logged("echo error: node lost; exit 1")
    (tmp_path / "log").unlink()  # as Snakemake does
    logged("echo done")
    [attempt] = (tmp_path / "log.attempts").iterdir()
    assert "error: node lost" in attempt.read_text()
    assert "done" in (tmp_path / "log").read_text()


def test_a_first_attempt_that_succeeds_leaves_its_log_alone(tmp_path: Path, logged: Any) -> None:
    logged("echo done")
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


@pytest.mark.parametrize("code", [1, 130])
def test_a_command_that_fails_fails_its_job(logged: Any, code: int) -> None:
    assert logged(f"exit {code}")[0].returncode == code
