"""A synthetic study for the tests of the report: what every stage before it would have written, in small."""

import io
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from visualzero.report import ReportInputs

EVIL = '<script>alert("x")</script>'
ARMS: dict[str, dict[str, Any]] = {
    "base": {"title": f"Base {EVIL}", "recipe": "none", "init": "base", "prompt": "plain", "paper": {"micro": 31.38}},
    "base-sft": {"title": "Base + SFT", "recipe": "sft", "init": "base", "prompt": "chat", "paper": {"micro": 57.84}},
    "base-grpo": {
        "title": "Base + GRPO",
        "recipe": "grpo",
        "init": "base",
        "prompt": "r1_zero",
        "reward": "r1",
        "paper": None,
    },
    "later": {"title": "Never run", "recipe": "grpo", "init": "instruct", "prompt": "chat_think", "reward": "r1"},
}
BENCHMARKS = {"toyspace": ["Count", "Depth"], "my own": ["Shelf order"]}
SEEDS = {"base": [None], "base-sft": ["1"], "base-grpo": ["1", "2"]}

ODD = {
    "Count-1": "<think> \U0001f914 Left. Wait, let me check again. </think> <answer>A</answer>",
    "Count-2": "\u05e9\u05dc\u05d5\u05dd <answer>A</answer>",
    "Count-3": "word " * 20_000,
    "Count-4": "lone \ud800 surrogate, \x00 null",
}
"""Responses: with cues, from right to left, of 100,000 characters, broken."""

LOST = {"difference": 0.173, "interval": [0.12, 0.22]}
CONTROLS = {"base-grpo": {"1": {"no_image": {"micro": 0.427, "parse_rate": 0.9, "difference": LOST}}}}
REASONING = {
    "base": {"untrained": {"thoughts": {"missing": 1.0}}},
    "base-grpo": {
        "1": {
            "thoughts": {"missing": 0.0},
            "thought_words": {"all": {"median": 37}},
            "reflection": {"rate": {"all": 0.25}},
        }
    },
}
AGREEMENT = {
    "n": 16,
    "scorers": {"strict": {"accuracy": 0.5, "parse_rate": 0.875}, EVIL: {"accuracy": 0.25, "parse_rate": 1.0}},
    "same": {"strict": {"strict": 1.0, EVIL: 0.625}, EVIL: {"strict": 0.625, EVIL: 1.0}},
}

UNDER = {
    "base-grpo": {"strict": (0.58, 0.9), EVIL: (0.31, 0.0)},
    "base": {"strict": (0.17, 0.4), EVIL: (0.6, 1.0)},
}
ACCURACIES = {
    arm: {
        name: {"accuracy": value, "interval": [value - 0.03, value + 0.03], "parse_rate": read, "seeds": {"1": value}}
        for name, (value, read) in found.items()
    }
    for arm, found in UNDER.items()
}
SCORERS = {
    "strict": {"difference": 0.41, "interval": [0.36, 0.46], "sign": 1, "parse_rate_a": 0.9, "parse_rate_b": 0.4}
    | {"gain": {"format": 0.3, "format_interval": [0.2, 0.4], "capability": 0.11, "capability_interval": [0.04, 0.18]}},
    EVIL: {"difference": -0.29, "interval": [-0.33, -0.25], "sign": -1, "parse_rate_a": 0.0, "parse_rate_b": 1.0},
}
FLIP = {"scorers": SCORERS, "scorers_claim": f"ahead under strict, behind under {EVIL}: form", "changes_sign": True}


def png(color: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 200), color).save(buffer, "PNG")
    return buffer.getvalue()


def write_questions(path: Path, tasks: list[str]) -> Path:
    rows = []
    for task in tasks:
        for i in range(8):
            image = {"bytes": png(["red", "teal", "navy"][i % 3]), "path": "x.png"}
            text = EVIL if i == 0 else f"Which is closer in scene {i}?"
            rows.append(
                {"id": f"{task}-{i}", "source": "s", "task": task, "image": image, "question": text}
                | {"choices": ["the cube", "the <b>ball</b>"], "answer_index": i % 2, "image_id": f"im{i}"}
            )
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=5)
    return path


def cell(rng: random.Random, tasks: list[str]) -> dict[str, Any]:
    micro = rng.uniform(0.3, 0.8)
    scores = {task: {"accuracy": micro, "n": 8, "interval": [micro - 0.1, micro + 0.1]} for task in tasks}
    rates = {"parse_rate": 0.9, "format_rate": 0.5, "truncated_rate": 0.1, "n": 800, "official": None}
    tokens = {"mean": 31.5, "median": 30, "p95": 60}
    letters = {"2": {"A": {"n": 6, "predicted": 7, "recall": 0.875}, "B": {"n": 2, "predicted": 0, "recall": 0.0}}}
    rates |= {"letters": letters}
    bounds = {"micro": micro, "micro_interval": [micro - 0.03, micro + 0.03]}
    return {**bounds, "tasks": scores, **rates, "response_tokens": tokens}


def write_run(folder: Path, recipe: str, seed: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"seed": seed, "versions": {"torch": "2.13"}, "files": [EVIL]}))
    history = {"step": list(range(1, 41)), "loss": [1 / i for i in range(1, 41)], "seconds": [1.0] * 40}
    if recipe == "grpo":
        history |= {"reward": [i / 20 for i in range(40)], "reward_accuracy": [i / 40 for i in range(40)]}
        history |= {"kl": [0.001 * i for i in range(40)], "reward_std": [0.1] * 40, "entropy": [None] * 40}
        rows = [
            {"step": step, "id": "Count-0", "completion": f"I see {EVIL} {k}</think> <answer>A</answer>"}
            | {"reward_accuracy": float(k % 2), "reward": float(k % 2), "advantage": 2.0 * (k % 2) - 1}
            for step in (1, 20, 40)
            for k in range(4)
        ]
        pq.write_table(pa.Table.from_pylist(rows), folder / "rollouts.parquet")
    pq.write_table(pa.table(history), folder / "history.parquet")
    return folder


def with_checkpoints(inputs: ReportInputs, root: Path, steps: tuple[int, ...] = (10, 20, 30)) -> ReportInputs:
    """The same study, whose runs of GRPO have kept weights, which have answered the first benchmark at these steps."""
    checkpoints = {}
    for seed in SEEDS["base-grpo"]:
        for step in steps:
            rows = [
                {"id": f"{task}-{i}", "n_tokens": step + i, "finish_reason": "stop"}
                | {"response": f"At {step}: {EVIL}</think> <answer>{'BA'[step // 10 % 2]}</answer>"}
                for task in BENCHMARKS["toyspace"]
                for i in range(8)
            ]
            checkpoints["base-grpo", seed, step] = root / f"kept-{seed}-{step}.jsonl"
            checkpoints["base-grpo", seed, step].write_text("".join(json.dumps(row) + "\n" for row in rows))
    return replace(inputs, checkpoints=checkpoints, prefixed=frozenset(["base-grpo"]))


def write_study(root: Path) -> ReportInputs:
    """A study with two benchmarks, a user's task, an arm of two seeds, and an arm that was never run."""
    rng = random.Random(0)
    summary: dict[str, Any] = {"scale": "demo", "scorer": "strict", "arms": {}, "baselines": {}, "comparisons": {}}
    inputs = ReportInputs("demo", root / "summary.json", ARMS)
    for arm, seeds in SEEDS.items():
        facts = {key: ARMS[arm][key] for key in ("title", "recipe", "init", "prompt")}
        scored = {str(seed or 1): {name: cell(rng, tasks) for name, tasks in BENCHMARKS.items()} for seed in seeds}
        summary["arms"][arm] = {**facts, "trained": arm != "base", "seeds": scored}
        for seed in seeds:
            if seed is not None:
                inputs.runs[arm, seed] = write_run(root / "runs" / arm / seed, ARMS[arm]["recipe"], seed)
            for name, tasks in BENCHMARKS.items():
                ids = [f"{t}-{i}" for t in tasks for i in range(8)]
                said = [
                    {"id": key, "response": ODD.get(key, f"{EVIL} {arm}"), "n_tokens": 9 + i}
                    for i, key in enumerate(ids)
                ]
                score = [
                    {"id": key, "prediction": i % 2, "correct": i % 3 == 0 or (seed == "2" and i == 1)}
                    | {"n_tokens": 9, "readings": {"strict": i % 2, EVIL: None if i == 5 else i % 2}}
                    for i, key in enumerate(ids)
                ]
                for kind, rows, paths in (("said", said, inputs.predictions), ("score", score, inputs.scores)):
                    path = root / f"{kind}-{arm}-{seed}-{name}.jsonl"
                    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
                    paths[arm, seed, name] = path
    for name, tasks in BENCHMARKS.items():
        chance = {"micro": 0.5, "official": None, "tasks": dict.fromkeys(tasks, 0.5)}
        constant = chance | {"answer": dict.fromkeys(tasks, "A")}
        summary["baselines"][name] = {"chance": chance, "constant_letter": constant, "constant_value": constant}
        inputs.benchmarks[name] = write_questions(root / f"{name}.parquet", tasks)
    compared = {"a": "base-grpo", "b": "base", "seed": "1", "difference": 0.412, "interval": [0.37, 0.45]}
    compared |= {"p_value": 1e-9, "p_holm": 4e-9, "ahead": "base-grpo", "b01": 20, "b10": 350, "n": 800}
    claims = {"claim": f"Base + GRPO is ahead of Base {EVIL} by 41.2 points", "gain_claim": "+9.0 from form"}
    summary["comparisons"]["toyspace"] = [compared | claims | FLIP]
    summary |= {"margin": 0.02, "accuracies": {"toyspace": ACCURACIES}}
    over_seeds = {"a": "base-grpo", "b": "base", "seeds": {"1": 0.412, "2": 0.4}, "difference": 0.406}
    summary["comparisons_over_seeds"] = {"toyspace": [over_seeds | {"claim": "ahead on the mean of 2 seeds"} | FLIP]}
    carried = {"a": "base-grpo", "b": "base", "seeds": {"1": 0.1}, "difference": 0.1, "claim": f"{EVIL} carries over"}
    summary["transfers"] = {"my own": [carried]}
    summary |= {"controls": {"toyspace": CONTROLS}, "reasoning": {"toyspace": REASONING}}
    summary["scorer_agreement"] = {"toyspace": AGREEMENT}
    (root / "summary.json").write_text(json.dumps(summary))
    for job, seconds in {"grpo base-grpo": 300.0, "pretrain": 90.5}.items():
        inputs.timings[job] = root / f"{job}.tsv"
        inputs.timings[job].write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:01:00\t2048.5\n")
    curve = [f"base-grpo,1,toyspace,{step},8,{step / 40},31.5,0.125\n" for step in (10, 20, 30)]
    (root / "curve.csv").write_text("arm,seed,benchmark,step,n,accuracy,tokens,reflection\n" + "".join(curve))
    (root / "model.json").write_text('{"name": "tiny", "sha256": "abc"}')
    inputs.models["base"] = root / "model.json"
    return replace(inputs, train=write_questions(root / "train.parquet", ["Count"]), curve=root / "curve.csv")
