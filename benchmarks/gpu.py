"""Everything that a GPU is to tell, in one command; each figure is written as it comes and not made twice.

    python benchmarks/gpu.py --out work/gpu                 at most 25 minutes on one card with 80 GB
    python benchmarks/gpu.py --out work/gpu --only attention decoding
    python benchmarks/gpu.py --out work/gpu --rehearse      the same on a CPU, with tiny sizes: no figure means anything

Qwen2-VL-2B's full size with random weights, images of 512 tokens, prompts of 605 with their text, groups of eight. Each
part runs in a process of its own (benchmarks/gpu_parts.py says what each does); a part that fails says so in the table
and doesn't stop the others. `figures.jsonl` in the folder has a line for each figure. The table is printed at the end,
with the attention kernel that was fastest for each length of prompt.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Timer
from typing import Any

from gpu_parts import PARTS, Sizes, run_part
from gpu_table import table

MINUTES = {"step-official": 8}  # that a part may take; others 5
NO_MODEL = {"machine", "attention", "vllm"}


def main() -> None:
    """Run the parts that are asked for and not yet there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of figures.jsonl")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts, in this order")
    parser.add_argument("--rehearse", action="store_true", help="on a CPU, with tiny sizes")
    parser.add_argument("--minutes", type=float, default=25, help="after which no part begins (default: %(default)s)")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = Sizes.small() if options.rehearse else Sizes.full()
    if options.part:
        for figure in run_part(options.part, sizes, options.model):
            print(json.dumps({"part": options.part, **figure}), flush=True)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    figures = options.out / "figures.jsonl"
    until = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        for part in options.only:
            done = {figure["part"] for figure in read(figures) if figure.get("done")}
            if part not in done and time.monotonic() < until:
                run(part, options, sizes, Path(folder), figures)
    print(table(read(figures)))


def run(part: str, options: argparse.Namespace, sizes: Sizes, folder: Path, figures: Path) -> None:
    """A part in a process of its own; its figures are written as they come."""
    if part not in NO_MODEL and not (folder / "config.json").exists():
        sizes.save_model(folder)
    command = [sys.executable, __file__, "--out", str(options.out), "--part", part, "--model", str(folder)]
    command += ["--rehearse"] * options.rehearse
    begun = time.monotonic()
    log = figures.with_name(f"{part}.log")
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ | {"TQDM_DISABLE": "1"}
        ) as process,
    ):
        timer = Timer(60 * MINUTES.get(part, 5), process.kill)
        timer.start()
        for line in process.stdout or ():
            if line.startswith('{"part"'):
                _append(figures, json.loads(line))
                print(line, end="", flush=True)
        code = process.wait()
        timer.cancel()
    seconds = round(time.monotonic() - begun, 1)
    outcome: dict[str, Any] = {"part": part, "seconds": seconds}
    if code:
        said = log.read_text(errors="replace").strip().splitlines() or ["nothing said"]
        outcome |= {"failed": said[-1] if code > 0 else f"ended after {seconds:.0f} s"}
    else:
        outcome |= {"done": True}
    _append(figures, outcome)
    print(json.dumps(outcome), flush=True)


def read(figures: Path) -> list[dict[str, Any]]:
    """What is there, without a line that was cut off."""
    lines = figures.read_text(encoding="utf-8").splitlines() if figures.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def _append(figures: Path, figure: dict[str, Any]) -> None:
    with figures.open("a", encoding="utf-8") as file:
        file.write(json.dumps(figure) + "\n")


if __name__ == "__main__":
    main()
