"""How wide numbers are: in memory, and when they are moved."""

from dataclasses import dataclass

from visualzero.config.training import Dtype


@dataclass(frozen=True)
class Precision:
    """Bytes of a number, by where it is."""

    held: int  # a weight in memory
    moved: int  # to and from memory, for a weight in a forward pass
    cast: int  # the copy of a weight that a pass leaves behind
    cached: int  # a number in the cache of keys and values
    stream: int  # between the decoder's layers
    matrix: int  # into a matrix product


SINGLE = Precision(held=4, moved=4, cast=0, cached=4, stream=4, matrix=4)
HALF = Precision(held=2, moved=2, cast=0, cached=2, stream=2, matrix=2)
# Autocast keeps weights in float32 and casts them in every pass (reads 4, writes 2, reads 2). Rotation makes keys
# float32, and transformers' cache then keeps values so too; the stream between the decoder's layers is float32 as
# well.
MIXED = Precision(held=4, moved=8, cast=2, cached=4, stream=4, matrix=2)


def training_precision(dtype: Dtype) -> Precision:
    """Of training and its rollouts."""
    return MIXED if dtype == "bfloat16" else SINGLE


def inference_precision(dtype: Dtype) -> Precision:
    """Of evaluation, whose weights are loaded in the precision that they are used in."""
    return HALF if dtype == "bfloat16" else SINGLE
