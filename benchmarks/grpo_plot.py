"""Step time against the group's size and the prompt's length, of stock TRL and ours (benchmarks/grpo.py --sweep)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from grpo_geometry import GEOMETRIES, Geometry

PAPER = replace(GEOMETRIES["paper"], prompts=1)
GROUPS = (2, 4, 8, 16, 32)
WIDTHS = (112, 224, 448, 896)  # 64, 128, 256 and 512 image tokens
COLORS = {"stock": "#9a9a9a", "ours": "#c2410c"}
NAMES = {"stock": "TRL 1.16", "ours": "group sharing"}


def sweep(out: Path, compare: Callable[[Geometry], dict[str, Any]]) -> None:
    """Measure, print a table and draw it to `out`, an SVG."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    groups = {group: compare(replace(PAPER, group=group)) for group in GROUPS}
    prompts = {width // 28 * 16: compare(replace(PAPER, width=width)) for width in WIDTHS}
    for axis, label, results in ((axes[0], "completions per prompt (G)", groups), (axes[1], "image tokens", prompts)):
        print(f"{label:>28}{'TRL':>10}{'ours':>10}{'ratio':>8}")
        for size, result in results.items():
            stock, ours = (result["trainers"][name]["step_s"] for name in ("stock", "ours"))
            print(f"{size:28}{stock:10.2f}{ours:10.2f}{stock / ours:8.2f}")
        for name in ("stock", "ours"):
            seconds = [result["trainers"][name]["step_s"] for result in results.values()]
            axis.plot(list(results), seconds, marker="o", color=COLORS[name], label=NAMES[name])
        axis.set(xlabel=label, ylabel="CPU seconds per step", xticks=list(results), ylim=(0, None))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    figure.savefig(out, metadata={"Date": None})
