"""A small copy of the project under git and DVC, with its own sources, so that tests can edit anything in it.

Its study is one step of four arms on four questions. Training and answering are a stand-in unless a test needs them:
the stand-in writes the same files from the same inputs, without torch. Everything else is real: Snakemake, DVC, git and
the rest of the code.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from workspace import SMALL

ROOT = Path(__file__).resolve().parents[1]
PARTS = (
    "Snakefile",
    "dvc.yaml",
    "paper",
    "workflow",
    "config",
    "envs",
    "profiles",
    "models",
    "src",
    ".gitignore",
    ".dvc",
)
ARMS = ("base", "base-sft", "base-grpo", "instruct-grpo-answer-only")
STUDY = SMALL | {
    "data": {
        "train": {"kind": "toyspace", "split": "train", "n": 4, "seed": 1},
        "train_options": "lettered",
        "benchmarks": {"toyspace": {"source": {"kind": "toyspace", "split": "bench", "n": 4, "seed": 3}}},
    },
    "sft": {"steps": 1, "batch_size": 2, "micro_batch": 2, "save_steps": 1},
    "grpo": {"steps": 1, "batch_size": 1, "group_size": 2, "micro_batch": 2, "max_completion": 8, "save_steps": 1},
    "evaluate": {"max_new_tokens": 8, "batch_size": 4},
}

# Training that writes what it was made from, and answers that depend on the weights.
STAND_IN = '''
"""A stand-in for the stages that need torch."""

import hashlib
import shutil
from visualzero.data.question import read_questions
from visualzero.evaluation.rows import write_rows
from visualzero.jobs import predict_fingerprint, run_fingerprint
from visualzero.manifest import atomic, sha256, write_manifest


def train_arm(study, layout, arm, seed):
    import pyarrow as pa
    import pyarrow.parquet as pq

    out, made = layout.run(arm, seed), run_fingerprint(study, arm, seed)
    inputs = [layout.questions("train"), layout.initial(study, arm, seed) / "model.safetensors"]
    shutil.rmtree(out, ignore_errors=True)
    (out / "model").mkdir(parents=True)
    text = " ".join([made, *(sha256(path) for path in inputs)])
    (out / "model" / "config.json").write_text("{}")
    with (out / "model" / "model.safetensors").open("wb") as file:  # in pieces, so that it can be caught half-written
        for _ in range(256):
            file.write(text.encode() * 64)
            file.flush()
    pq.write_table(pa.table({"step": [1], "reward": [0.5], "loss": [0.1]}), out / "history.parquet")
    if study.arm(arm).recipe == "grpo":
        texts = {"step": [1], "id": ["train-1-00000"], "completion": ["<think>a</think><answer>A</answer>"]}
        numbers = {"reward_accuracy": [0.0], "reward_format": [1.0], "reward": [1.0], "advantage": [0.0]}
        pq.write_table(pa.table(texts | numbers), out / "rollouts.parquet")
    files = sorted(path for path in out.rglob("*") if path.is_file())
    write_manifest(out / "manifest.json", files, made, run=f"{arm}/{seed}", seed=seed)


def predict_arm(study, layout, arm, seed, benchmark, control=None, shard=None, checkpoint=None):
    questions = read_questions(layout.questions(benchmark), images=False)
    weights = sha256(layout.weights(study, arm, seed) / "model.safetensors")
    made = hashlib.sha256((weights + predict_fingerprint(study, arm, benchmark, control)).encode()).hexdigest()
    rows = [
        {
            "run": f"{arm}/{seed}", "arm": arm, "seed": seed if isinstance(seed, int) else None,
            "benchmark": benchmark, "control": control, "prompt": "plain", "engine": "transformers", "id": row.id,
            "prompt_sha": made, "response": "ABCD"[int(hashlib.sha256((made + row.id).encode()).hexdigest(), 16) % 2],
            "n_tokens": int(made[:8], 16) % 9000 + 1, "finish_reason": "stop",
        }
        for row in questions.itertuples()
    ]
    responses = layout.predictions(arm, seed, benchmark, control)
    write_rows(rows, responses)
    made = predict_fingerprint(study, arm, benchmark, control)
    write_manifest(responses.with_suffix(".json"), [responses], made, run=f"{arm}/{seed}")
'''


@dataclass(frozen=True)
class Repository:
    """A folder in which commands run with its own sources."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *command: str, **options: Any) -> "subprocess.Popen[str]":
        """A command in a process group of its own, with its output in one pipe."""
        programs = Path(sys.executable).parent
        environment = os.environ | {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.folder / "src"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            **self.environment,
        }
        settings: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, text=True, start_new_session=True, **settings
        )

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """A command run to its end."""
        process = self.start(*command)
        output, _ = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, output)

    def ok(self, *command: str) -> str:
        """The output of a command that has to succeed."""
        done = self.run(*command)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
        return done.stdout

    def snakemake(self, *arguments: str) -> set[str]:
        """Jobs of a plan or a run: `snakemake -n all` plans."""
        return jobs_in(self.ok("snakemake", "--cores", "2", *arguments))

    def repro(self, *arguments: str) -> set[str]:
        """Jobs that `dvc repro` had Snakemake run."""
        return jobs_in(self.ok("dvc", "repro", *arguments))

    def edit(self, name: str, change: "str | Callable[[Any], None]", instead: str = "") -> None:
        """Replace a text of a file, or change the content of a YAML file."""
        path = self.folder / name
        if isinstance(change, str):
            before = path.read_text()
            assert change in before, f"{change!r} is not in {name}"
            path.write_text(before.replace(change, instead))
        else:
            content = yaml.safe_load(path.read_text())
            change(content)
            path.write_text(yaml.safe_dump(content, sort_keys=False))

    def save(self, message: str = "a state") -> None:
        """Commit everything that git doesn't ignore."""
        self.ok("git", "add", "--all")
        author = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        self.ok("git", *author, "commit", "--quiet", "--allow-empty", "--message", message)


def clone_of(made: Repository, folder: Path, cache: str = "copy") -> Repository:
    """A clone with an empty DVC cache of this kind: what git has, and nothing else."""
    made.ok("git", "clone", "--quiet", str(made.folder), str(folder))
    clone = Repository(folder)
    clone.ok("dvc", "config", "--local", "cache.type", cache)
    return clone


def copy_of(made: Repository, folder: Path, cache: str = "copy") -> Repository:
    """A copy whose outputs are linked to its DVC cache in this way, and which Snakemake has taken over."""
    shutil.copytree(made.folder, folder, symlinks=True)
    copy = Repository(folder)
    if cache != "copy":
        copy.ok("dvc", "config", "--local", "cache.type", cache)
        copy.ok("dvc", "checkout", "--relink")
        copy.ok("visualzero", "hydrate")
    return copy


def altered_objects(made: Repository) -> list[str]:
    """Files of the DVC cache that are not what their name says."""
    objects = [path for path in (made.folder / ".dvc/cache/files/md5").rglob("*") if path.is_file()]
    assert objects
    names = {path: (path.parent.name + path.name).removesuffix(".dir") for path in objects}
    return [name for path, name in names.items() if hashlib.md5(path.read_bytes()).hexdigest() != name]


def jobs_in(output: str) -> set[str]:
    """Messages of the jobs in Snakemake's output, such as `GRPO: base-grpo, seed 1`."""
    found = re.findall(r"^\s*Job \d+: (.+)$", output, re.MULTILINE)  # indented where it is one of a group
    assert len(found) == len(set(found)), f"a job ran twice: {sorted(found)}"
    return {job.strip() for job in found}


def make_repository(
    folder: Path, cache: str = "copy", *, stand_in: bool = True, environment: dict[str, str] | None = None
) -> Repository:
    """Copy the project into `folder`, with the small study, and put it under git and DVC."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "tmp", "cache", "config.local")
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        elif (ROOT / part).exists():
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / part, folder / part)
    shutil.copy(ROOT / ".dvcignore", folder / ".dvcignore")
    made = Repository(folder, environment or {})
    # Its benchmarks replace the demo's, as they do where a config gives them.
    made.edit("config/scale/demo.yaml", lambda scale: scale.update(_laid_over(scale, STUDY) | {"data": STUDY["data"]}))
    made.edit("config/config.yaml", lambda study: study.update(run={"demo": list(ARMS), "paper": "all"}, controls={}))
    if stand_in:
        (folder / "src/visualzero/stages.py").write_text(STAND_IN)
        # One process for each training costs a second and adds nothing here.
        made.edit("workflow/rules/train.smk", '" -m visualzero', '" python -m visualzero')
        text = (folder / "workflow/rules/train.smk").read_text()
        launcher = re.compile(r' accelerate launch .*?"\n.*?"\n', re.DOTALL)
        (folder / "workflow/rules/train.smk").write_text(launcher.sub('"\n', text))
    made.ok("git", "init", "--quiet", "--initial-branch", "main")
    made.ok("dvc", "config", "--local", "cache.type", cache)
    made.save("the project")
    return made


def _laid_over(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    mixed = dict(base)
    for key, value in changes.items():
        inner = base.get(key)
        mixed[key] = _laid_over(inner, value) if isinstance(value, dict) and isinstance(inner, dict) else value
    return mixed
