"""Whether at least one of k answers is right, from n sampled ones: pass@k.

Counting how often the first k of them hold a right one would be as right on average and far noisier. Chen et al.,
"Evaluating large language models trained on code" (arXiv 2107.03374), take the mean over all choices of k.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from visualzero.evaluation.statistics.shares import Floats


def pass_at_k(right: npt.ArrayLike, samples: int) -> Floats:
    """Unbiased pass@k of each question for k = 1, ..., `samples`; (questions, samples).

    1 - C(n - c, k) / C(n, k) with n samples of which c are right, as a product in which nothing overflows.

    Args:
        right: right answers (c) of each question, from 0 to `samples`.
        samples: answers to each question (n).

    Raises:
        ValueError: if there are more right answers than samples, or fewer than none.
    """
    counts = np.asarray(right, dtype=np.float64)
    if counts.size and not 0 <= counts.min() <= counts.max() <= samples:
        raise ValueError(f"right answers must be from 0 to {samples}, the number of samples")
    before = np.arange(samples)
    missed = np.clip(samples - counts[:, None] - before, 0.0, None) / (samples - before)
    return 1.0 - np.cumprod(missed, axis=1).astype(np.float64)


def guessed_pass_at_k(options: Sequence[int], samples: int) -> Floats:
    """Mean pass@k of guessing among so many options of each question, for k = 1, ..., `samples`."""
    missed = 1.0 - 1.0 / np.asarray(options, dtype=np.float64)
    found: Floats = 1.0 - (missed[:, None] ** np.arange(1, samples + 1)).mean(axis=0)
    return found
