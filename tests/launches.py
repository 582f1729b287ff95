"""Counting what the host has a device do: what it launches, and what it waits for or copies."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

READS = {getattr(Tensor, name) for name in ("item", "tolist", "numpy", "cpu", "nonzero", "__bool__", "__int__")}
READS |= {getattr(Tensor, name) for name in ("__float__", "__index__", "unique", "masked_select")}
READS |= {torch.nonzero, torch.unique, torch.masked_select, torch.equal, torch.multinomial}
COPIES = {torch.tensor, torch.as_tensor, torch.from_numpy}
WAITS = {"aten::_local_scalar_dense", "aten::nonzero", "aten::equal", "aten::masked_select", "aten::_unique2"}
NOTHING = {"aten::empty", "aten::detach", "aten::lift_fresh", "aten::_unsafe_view", "aten::empty_like"}


class Launches(TorchDispatchMode):
    """Operators that are launched (not those that look at a tensor otherwise), and those that the host waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.launched, self.waits = 0, 0
        self.host = _Host(self)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        looks = any(out.alias_info is not None and not out.alias_info.is_write for out in func._schema.returns)
        self.launched += not looks and name not in NOTHING
        self.waits += name in WAITS or _by_mask(args)
        return func(*args, **(kwargs or {}))

    def __enter__(self) -> Any:
        self.host.__enter__()
        return super().__enter__()

    def __exit__(self, *error: Any) -> Any:
        super().__exit__(*error)
        self.host.__exit__(*error)


def _by_mask(args: Any) -> bool:
    """Whether elements are asked for by a mask (`x[mask]`), which the host has to count."""
    indices = args[1] if len(args) > 1 and isinstance(args[0], Tensor) and isinstance(args[1], (list, tuple)) else ()
    return any(isinstance(index, Tensor) and index.dtype == torch.bool for index in indices)


class _Host(TorchFunctionMode):
    """What Python asks of tensors, which on a CPU need not reach an operator."""

    def __init__(self, launches: Launches) -> None:
        super().__init__()
        self.launches = launches

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.launches.waits += function in READS or function in COPIES
        return function(*args, **(kwargs or {}))
