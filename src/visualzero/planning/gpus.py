"""What GPUs can do, from their makers' data sheets."""

from dataclasses import dataclass

from visualzero.config.naming import unknown
from visualzero.errors import UserError


@dataclass(frozen=True)
class Gpu:
    """Peak rates and memory of one device.

    `bfloat16` and `float32` are peak TFLOP/s of matrix products, dense (without structured sparsity), bfloat16 with
    float32 sums; torch's default keeps float32 products off the tensor cores. `bandwidth` is in TB/s, `memory` in GiB
    (None: not compared with what is needed).
    """

    name: str
    bfloat16: float
    float32: float
    bandwidth: float
    memory: float | None
    source: str

    def peak(self, dtype: str) -> float:
        """Peak FLOP/s at a precision of the config."""
        return (self.bfloat16 if dtype == "bfloat16" else self.float32) * 1e12


# The makers write GB and mean about so many GiB (an H100 of 80 GB has 79.6 GiB).
GPUS = [
    Gpu("H100-80GB", 989.4, 66.9, 3.35, 80, "NVIDIA H100 data sheet, SXM5"),
    Gpu("H100-PCIe", 756.0, 51.2, 2.0, 80, "NVIDIA H100 data sheet, PCIe"),
    Gpu("H200", 989.4, 66.9, 4.8, 141, "NVIDIA H200 data sheet, SXM"),
    Gpu("H20", 148.0, 44.0, 4.0, 96, "NVIDIA H20 data sheet"),
    Gpu("A100-80GB", 312.0, 19.5, 2.039, 80, "NVIDIA A100 data sheet, SXM4"),
    Gpu("A100-40GB", 312.0, 19.5, 1.555, 40, "NVIDIA A100 data sheet, SXM4"),
    Gpu("L40S", 362.0, 91.6, 0.864, 48, "NVIDIA L40S data sheet"),
    Gpu("L4", 121.0, 30.3, 0.3, 24, "NVIDIA L4 data sheet"),
    Gpu("A6000", 154.8, 38.7, 0.768, 48, "NVIDIA RTX A6000 data sheet"),
    Gpu("RTX4090", 165.2, 82.6, 1.008, 24, "NVIDIA Ada GPU architecture white paper"),
    # One core with AVX2: two fused multiply-adds of eight numbers a cycle, at 3 GHz. No native bfloat16.
    Gpu("CPU", 0.1, 0.1, 0.02, None, "a server's core with AVX2 at 3 GHz"),
]
CPU = "CPU"


def gpu_named(name: str) -> Gpu:
    """The device of that name, in any case; raise `UserError` with the nearest one if there is none."""
    for gpu in GPUS:
        if gpu.name.lower() == name.lower():
            return gpu
    raise UserError(f"--gpu: {unknown('GPU', name, [gpu.name for gpu in GPUS])}")
