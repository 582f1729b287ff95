"""visualzero: a reproducible R1-Zero study of vision-language models (data, SFT, GRPO, evaluation, report)."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visualzero.frames import Results

__version__ = "0.1.0"


def results(folder: str | Path = "results/demo") -> "Results":
    """The results in a folder as pandas frames.

    Raises:
        UserError: if there is no summary.json in it.
    """
    from visualzero.frames import Results  # pandas takes a second to load, and commands import this package

    return Results(Path(folder))
