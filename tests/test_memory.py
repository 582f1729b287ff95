"""Freed memory is kept: tensors that come and go cost no new pages."""

import ctypes
import subprocess
import sys

import pytest

COME_AND_GO = """
import resource, sys
import torch
from visualzero.memory import keep_freed_memory

torch.set_num_threads(1)
if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(4):
    torch.ones(5_000_000) + torch.ones(6_000_000)[:5_000_000]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(5_000_000) + torch.ones(6_000_000)[:5_000_000]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library has no mallopt")
def test_tensors_that_come_and_go_take_no_new_pages() -> None:
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", COME_AND_GO, how], capture_output=True, text=True, check=True).stdout)
        for how in ("keep", "give back")
    )
    assert kept < 100 < given_back
