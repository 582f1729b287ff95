"""How many rows are decoded at a time: a number, or as many as the memory has room for; chosen once, and then obeyed.

What a row says may hang on how many others there are, where rounding decides a token. So the number is kept beside the
responses, and an evaluation that goes on after an interruption goes on with it.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from transformers import PreTrainedModel

from groupshare.cohorts import Cohort, Room
from visualzero.evaluation.answering.limits import CACHE_SHARE, MOST_ROWS
from visualzero.manifest import atomic

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class AtOnce:
    """The number for an evaluation's windows.

    Args:
        kept: file that it stands in and is written to, if it is to outlive the process.
    """

    def __init__(self, kept: Path | None = None):
        self.kept = kept
        self.rows = _read(kept) if kept else None

    def decode(self, decode: Callable[[int], Result], total: int, choose: Callable[[], int]) -> Result:
        """What `decode` makes of a window of `total` rows, so many at a time; `choose` says how many if nobody has yet.

        After an out-of-memory error there are half as many from then on, and the window begins again, so that none of
        its rows hangs on how far it had come.

        Raises:
            torch.OutOfMemoryError: if the memory has no room for a single row.
        """
        while True:
            rows = self._keep(choose()) if self.rows is None else self.rows
            try:
                return decode(rows)
            except torch.OutOfMemoryError:
                if min(rows, total) < 2:
                    raise
            self._keep(min(rows, total) // 2)
            logger.warning("too little memory: from here on %d rows are decoded at a time", self.rows)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _keep(self, rows: int) -> int:
        self.rows = rows
        if self.kept:
            with atomic(self.kept) as temporary:
                temporary.write_text(f"{rows}\n")
        return rows


def fitting(
    batch_size: int | str, model: PreTrainedModel, first: Callable[[], Cohort], most: int, at_least: int = 1
) -> int:
    """Rows at a time by a batch size as the config has it.

    With `auto`, as many like those of the cohort that comes first as find room beside a model that is on its device,
    with completions of `most` tokens; those of `at_least` such cohorts if they do, so that one begins as another ends.
    """
    if not isinstance(batch_size, str):
        return batch_size
    cohort = first()
    rows = max(MOST_ROWS.get(model.device.type, MOST_ROWS["cpu"]), at_least * len(cohort.rows))
    return Room(rows, max(1, int(free_bytes(model.device) * CACHE_SHARE / token_bytes(model)))).takes(cohort, most)


def free_bytes(device: torch.device) -> int:
    """Memory of a device that is free now; of a machine that doesn't tell, 4 GiB."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if "SC_AVPHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 4 << 30


def token_bytes(model: PreTrainedModel) -> int:
    """Bytes of a token's keys and values in all layers."""
    text = model.config.get_text_config()
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return 2 * text.num_hidden_layers * text.num_key_value_heads * size * model.dtype.itemsize


def _read(kept: Path) -> int | None:
    """The number in a file; None where there is none."""
    try:
        return int(kept.read_text())
    except (FileNotFoundError, ValueError):
        return None
