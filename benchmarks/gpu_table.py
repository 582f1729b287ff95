"""The figures of benchmarks/gpu.py for people."""

from typing import Any


def table(figures: list[dict[str, Any]]) -> str:
    """A line for each figure, part by part; then the fastest kernel for each length of prompt."""
    lines = []
    for figure in figures:
        rest = {name: value for name, value in figure.items() if name != "part"}
        lines.append(f"{figure['part']:16} " + "  ".join(f"{name} {_short(value)}" for name, value in rest.items()))
    timed = [figure for figure in figures if "kernel" in figure and "ms" in figure]
    for prompt in sorted({figure["prompt"] for figure in timed}):
        best = min((figure for figure in timed if figure["prompt"] == prompt), key=lambda figure: figure["ms"])
        lines.append(f"prompts of {prompt} tokens: {best['kernel']} is fastest, {best['ms']:.2f} ms")
    return "\n".join(lines)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
