"""The colors of arms can be told apart, by color-blind readers too, and stand out from the paper."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import visualzero.report

STYLE = (Path(visualzero.report.__file__).parent / "style.css.jinja").read_text(encoding="utf-8")
SIGHTS = {  # of linear RGB, at full severity: Machado, Oliveira and Fernandes 2009
    "normal": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
TO_XYZ = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
WHITE = np.array([0.9505, 1.0, 1.0888])


def linear(color: str) -> np.ndarray:
    channels = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB."""
    scaled = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    x, y, z = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def colors(scheme: str) -> tuple[str, list[str]]:
    """The paper's color, and those of the arms."""
    part = STYLE.split("@media (prefers-color-scheme: dark)")[scheme == "dark"]
    paper = re.search(r"--paper: (#\w+)", part)
    assert paper
    return paper[1], re.findall(r"--c\d: (#\w+)", part)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_any_two_arms_have_colors_apart(scheme: str, sight: str) -> None:
    _, arms = colors(scheme)
    assert len(arms) == 8
    seen = [lab(np.asarray(SIGHTS[sight]) @ linear(color)) for color in arms]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_arm_stands_out_from_the_paper(scheme: str) -> None:
    paper, arms = colors(scheme)
    bright = {color: float(TO_XYZ[1] @ linear(color)) + 0.05 for color in (paper, *arms)}
    for color in arms:
        assert max(bright[color], bright[paper]) / min(bright[color], bright[paper]) > 3
