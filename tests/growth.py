"""How the time of some work grows with its size: a ratio, so that a slow or busy machine gives the same verdict."""

import time
from collections.abc import Callable


def growth(work: Callable[[int], object], small: int, large: int) -> float:
    """How many times as long `work(large)` takes as `work(small)`; times below 5 ms count as 5 ms.

    Linear work gives about large / small, quadratic work the square of it.
    """
    work(small)  # what is loaded or compiled at the first call is no part of the growth

    def seconds(size: int) -> float:
        start = time.process_time()
        work(size)
        return max(time.process_time() - start, 0.005)

    return seconds(large) / min(seconds(small) for _ in range(3))
