"""A synthetic study of the size that a page has to bear: eighteen trained arms under three seeds, all of CV-Bench."""

import io
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from visualzero.report import ReportInputs

TASKS = ("Count", "Relation", "Depth", "Distance")
QUESTIONS, STEPS, SEEDS = 2638, 1500, ("1", "2", "3")
TRAINED = [f"arm-{number}" for number in range(18)]
ARMS: dict[str, dict[str, Any]] = {"base": {"title": "Base", "recipe": "none"}} | {
    name: {"title": f"Base + GRPO, variant {name}", "recipe": "grpo"} for name in TRAINED
}
TERMS = ("reward", "reward_accuracy", "reward_format", "completion_length", "kl", "entropy", "frac_zero_std", "loss")
WORDS = ("the", "cube", "is", "left", "of", "a", "ball", "so", "it", "must", "be", "nearer", "than", "that", "cone")


def write_large_study(root: Path) -> ReportInputs:
    """Its inputs: every arm's responses to every question, and each run's history and three steps of rollouts."""
    rng, numbers = random.Random(0), np.random.default_rng(0)
    inputs = ReportInputs("paper", root / "summary.json", ARMS)
    cell = {"micro": 0.6, "micro_interval": [0.58, 0.62], "tasks": {task: {"accuracy": 0.6} for task in TASKS}}
    scored = {name: {"trained": name != "base", "seeds": {seed: {"cvbench": cell} for seed in SEEDS}} for name in ARMS}
    inputs.summary.write_text(json.dumps({"scorer": "strict", "arms": scored}))
    for name in TRAINED:
        for seed in SEEDS:
            inputs.runs[name, seed] = _run(root / "runs" / name / seed, rng, numbers)
    for name in ARMS:
        seed = None if name == "base" else "1"
        keys = name, seed, "cvbench"
        inputs.predictions[keys], inputs.scores[keys] = root / f"{name}-said.jsonl", root / f"{name}-scores.jsonl"
        rows = [_response(f"q{number:04}", rng) for number in range(QUESTIONS)]
        for path, part in zip((inputs.predictions[keys], inputs.scores[keys]), zip(*rows, strict=True), strict=True):
            path.write_text("\n".join(map(json.dumps, part)))
    inputs.benchmarks["cvbench"] = _questions(root / "cvbench.parquet", QUESTIONS, "q", numbers)
    return replace(inputs, train=_questions(root / "train.parquet", 40, "t", numbers))


def _run(folder: Path, rng: random.Random, numbers: np.random.Generator) -> Path:
    folder.mkdir(parents=True)
    steps = np.arange(1, STEPS + 1)
    pq.write_table(
        pa.table({"step": steps} | {term: numbers.random(STEPS) for term in TERMS}), folder / "history.parquet"
    )
    rollouts = [
        {"step": step, "id": f"t{step % 40:04}", "completion": _text(rng), "reward": 1.0, "advantage": 0.1 * place}
        | {"reward_accuracy": float(place % 2), "reward_format": 1.0}
        for step in (1, 2, 41, 750, 1500)
        for place in range(8)
    ]
    pq.write_table(pa.Table.from_pylist(rollouts), folder / "rollouts.parquet")
    return folder


def _text(rng: random.Random) -> str:
    return f"<think> {' '.join(rng.choices(WORDS, k=60))}. Wait, let me check again. </think> <answer> left </answer>"


def _response(key: str, rng: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    index = rng.randrange(4)
    readings = {"strict": index, "letter": None, "lmms": index, "cambrian": rng.choice((None, index))}
    score = {"id": key, "prediction": index, "correct": index == 0, "n_tokens": 90, "readings": readings}
    return {"id": key, "response": _text(rng), "n_tokens": 90}, score


def _questions(path: Path, count: int, prefix: str, numbers: np.random.Generator) -> Path:
    photos = [_photo(numbers) for _ in range(16)]
    rows = [
        {"id": f"{prefix}{number:04}", "source": "s", "task": TASKS[number % 4], "question": "Which one is it?" * 4}
        | {"image": {"bytes": photos[number % 16], "path": "x.jpg"}, "choices": list("wxyz"), "answer_index": 0}
        for number in range(count)
    ]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=200)
    return path


def _photo(numbers: np.random.Generator) -> bytes:
    """Of 640 x 480 pixels, with as much detail as a photograph."""
    rough = Image.fromarray(numbers.integers(0, 255, (18, 24, 3), dtype=np.uint8))
    content = io.BytesIO()
    rough.resize((640, 480), Image.Resampling.BICUBIC).save(content, "JPEG", quality=85)
    return content.getvalue()
