"""How the time of some work grows with its size: a ratio, so that a slow or busy machine gives the same verdict."""

import gc
import time
from collections.abc import Callable


def growth(work: Callable[[int], object], small: int, large: int) -> float:
    """How many times as long `work(large)` takes as `work(small)`, each the best of three; below 5 ms counts as 5 ms.

    Linear work gives about large / small, quadratic work the square of it. Garbage is not collected meanwhile: that
    takes the longer, the more the tests before have left.
    """
    work(small)  # what is loaded or compiled at the first call is no part of the growth

    def seconds(size: int) -> float:
        start = time.process_time()
        work(size)
        return max(time.process_time() - start, 0.005)

    gc.disable()
    try:
        return min(seconds(large) for _ in range(3)) / min(seconds(small) for _ in range(3))
    finally:
        gc.enable()
