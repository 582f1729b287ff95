"""How much faster is GRPO that shares a group's prompt and image? Three trainers on the same weights and questions.

    python benchmarks/grpo.py [--quick] [--json] [--geometry paper|demo|full] [--prompts 2] [--threads 1]
    python benchmarks/grpo.py --sweep docs/grpo.svg    step time against G and against the prompt's length

- stock: TRL's GRPOTrainer.
- official: the loop of the paper's code (VisualThinker-R1-Zero): G calls of `generate` with one row each, logits over
  prompt and completion, a reference model in every step, gradient checkpointing as in its script.
- official-uncheckpointed: the same without gradient checkpointing (only where `--trainers` names it).
- ours: GroupSharingTrainer.

Each runs in a process of its own, one after the other. `paper` and `full` have random weights, and completions that go
on to the cap; `demo` is the demo's model on the demo's questions. Stock and ours draw the same tokens. `step` is
a whole optimizer step with rollout, reward, reference pass and update; `update` is its loss, backward pass and
optimizer. The first step of a process is not counted; the official loop, which takes longest, warms up with one
completion of eight tokens. Of several steps the median counts.

On a CPU seconds are the CPU's, all threads together, which other programs on the machine disturb least, and by default
of one thread: two wait for each other, which counts too (`--clock wall --threads 2` on a quiet machine). On a GPU
(geometry `full`: Qwen2-VL-2B's sizes, bfloat16) they are the wall's. Memory is the peak above what was held before the
first step: of the process, or allocated on the GPU.

`--json` prints `update_ratio`, `step_ratio`, `official_ratio`, `peak_memory_ratio` and `counters` of the first
geometry, and under `geometries` all that was measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from clocks import CLOCKS
from grpo_geometry import GEOMETRIES, Geometry, floor, save_model
from grpo_trainers import TRAINERS, Run

BY_DEFAULT = ("paper", "demo")


def machine_rate(device: str, clock: Callable[[], float]) -> float:
    """FLOP per second of a large matrix product, in the precision that training has there."""
    n, dtype = (8192, torch.bfloat16) if device == "cuda" else (1536, torch.float32)
    a = torch.randn(n, n, dtype=dtype, device=device)
    a @ a
    begun = clock()
    for _ in range(3):
        a @ a
    return 3 * 2 * n**3 / (clock() - begun)


def one_process(options: argparse.Namespace, geometry: Geometry) -> dict[str, Any]:
    """A trainer's median step."""
    torch.set_num_threads(options.threads)
    device = "cuda" if options.clock == "gpu" else "cpu"
    run = Run(geometry, options.model, options.steps, device, CLOCKS[options.clock], options.frozen)
    measured = TRAINERS[options.one](run)
    step, update = (median(step[part] for step in measured.steps) for part in ("step", "update"))
    needed = floor(replace(geometry, new_tokens=round(measured.completion)), options.model)
    return {
        "step_s": step,
        "update_s": update,
        "new_tokens_per_s": geometry.prompts * geometry.group * measured.completion / step,
        "completion_tokens": measured.completion,
        "peak_mib": measured.peak,
        "counters": measured.steps[-1]["counters"],
        "loss": measured.loss,
        "update_of_floor": 3 * needed / machine_rate(device, run.clock) / update,
    }


def compare(name: str, geometry: Geometry, options: argparse.Namespace, trainers: Sequence[str]) -> dict[str, Any]:
    """Trainers at one geometry, each in its own process, and the ratios between them."""
    with tempfile.TemporaryDirectory() as folder:
        save_model(geometry, Path(folder))
        results = {trainer: _in_process(trainer, name, geometry, folder, options) for trainer in trainers}
    ours = results["ours"]
    ratios = {}
    if stock := results.get("stock"):
        ratios |= {f"{part}_ratio": stock[f"{part}_s"] / ours[f"{part}_s"] for part in ("update", "step")}
    for name in results.keys() & {"official", "official-uncheckpointed"}:
        ratios[f"{name.replace('-', '_')}_ratio"] = results[name]["step_s"] / ours["step_s"]
    if stock:
        ratios["peak_memory_ratio"] = stock["peak_mib"] / ours["peak_mib"]
    return {"geometry": asdict(geometry), "trainers": results, **ratios}


def _in_process(
    trainer: str, name: str, geometry: Geometry, folder: str, options: argparse.Namespace
) -> dict[str, Any]:
    slow = TRAINERS.keys() - {"ours"} if options.quick else {"official", "official-uncheckpointed"}
    settings = {
        "one": trainer,
        "model": folder,
        "geometry": name,
        "steps": 1 if trainer in slow else options.steps,
        "clock": "gpu" if geometry.model == "2b" else options.clock,
        "threads": options.threads,
        "prompts": geometry.prompts,
        "group": geometry.group,
        "new-tokens": geometry.new_tokens,
        "width": geometry.width,
    }
    command = [sys.executable, __file__, *(f"--{key}={value}" for key, value in settings.items())]
    command += ["--frozen"] * options.frozen
    environment = os.environ | {"OMP_NUM_THREADS": str(options.threads), "TQDM_DISABLE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{trainer} at {name} geometry failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def table(name: str, result: dict[str, Any]) -> str:
    """A geometry's results for people."""
    lines = [f"{name}: " + ", ".join(f"{key} {value}" for key, value in result["geometry"].items())]
    lines.append(
        f"{'':10}{'step s':>9}{'update s':>10}{'tokens/s':>10}{'peak MiB':>10}{'patches':>9}{'tokens':>9}{'images':>8}"
    )
    for trainer, r in result["trainers"].items():
        counts = r["counters"]
        lines.append(
            f"{trainer:10}{r['step_s']:9.2f}{r['update_s']:10.2f}{r['new_tokens_per_s']:10.0f}{r['peak_mib']:10.0f}"
            f"{counts['vision_rows']:9}{counts['decoder_tokens']:9}{counts['images_preprocessed']:8}"
        )
    lines.append("  ".join(f"{key} {value:.2f}" for key, value in result.items() if key.endswith("_ratio")))
    ours = result["trainers"]["ours"]
    lines.append(
        f"completions of {ours['completion_tokens']:.0f} tokens on average; our update reaches "
        f"{ours['update_of_floor']:.0%} of the speed of a matrix product on the least arithmetic"
    )
    return "\n".join(lines)


def summary(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """For JSON: the first geometry's ratios and counters, then everything."""
    first = next(iter(results.values()))
    ratios = {key: value for key, value in first.items() if key.endswith("_ratio")}
    counters = {trainer: result["counters"] for trainer, result in first["trainers"].items()}
    return {**ratios, "counters": counters, "geometries": results}


def main() -> None:
    """Run the comparison that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--geometry", choices=GEOMETRIES, help="only this one; full needs a GPU")
    parser.add_argument("--prompts", type=int, help="prompts per step; the paper's steps have 8, 2 on each GPU")
    parser.add_argument("--group", type=int, help="completions per prompt (G)")
    parser.add_argument("--new-tokens", type=int, help="the most that a completion may have")
    parser.add_argument("--width", type=int, help="of images, in pixels; a multiple of 28")
    parser.add_argument("--trainers", nargs="+", choices=TRAINERS, default=["stock", "official", "ours"])
    parser.add_argument("--quick", action="store_true", help="one step each but three of ours, in three minutes")
    parser.add_argument("--frozen", action="store_true", help="the vision tower is not trained")
    parser.add_argument("--steps", type=int, default=3, help="steps of which the median counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=CLOCKS, default="cpu")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sweep", type=Path, metavar="SVG", help="draw step times against G and prompt length")
    parser.add_argument("--one", choices=TRAINERS, help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = {name: getattr(options, name) for name in ("prompts", "group", "new_tokens", "width")}
    changes = {name: size for name, size in sizes.items() if size}
    if options.one:
        print(json.dumps(one_process(options, replace(GEOMETRIES[options.geometry], **changes))))
        return
    if options.sweep:
        from grpo_plot import sweep

        sweep(options.sweep, lambda geometry: compare("paper", geometry, options, ["stock", "ours"]))
        return
    names = [options.geometry] if options.geometry else BY_DEFAULT
    results = {}
    for name in names:
        trainers = [t for t in options.trainers if not (options.quick and name == "demo" and t == "official")]
        results[name] = compare(name, replace(GEOMETRIES[name], **changes), options, trainers)
    print(json.dumps(summary(results)) if options.json else "\n\n".join(table(n, r) for n, r in results.items()))


if __name__ == "__main__":
    main()
