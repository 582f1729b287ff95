"""Where LoRA's adapters may go: linear layers that training does not hold still and that share their weights with none.

peft takes any module whose name ends as a target says, and none at all without a word if there are others. A head that
is the embeddings (Qwen2-VL-2B has one) can't have an adapter: merging would change the embeddings as well.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from torch import nn
from transformers import PreTrainedModel

from visualzero.errors import UserError


def check_targets(model: PreTrainedModel, targets: Iterable[str], key: str) -> None:
    """Check LoRA's `targets` (ends of module names) of a model with its parts frozen; `key` is their config key.

    Raises:
        UserError: naming the first target that can't have an adapter, and what could.
    """
    modules = dict(model.named_modules())
    linear = {name: module for name, module in modules.items() if isinstance(module, nn.Linear)}
    ends = sorted({end for name in linear if not (end := name.rpartition(".")[2]).isdigit()})
    shared = _shared(modules)
    for target in targets:
        found = {name: module for name, module in modules.items() if name == target or name.endswith(f".{target}")}
        if not found:
            near = get_close_matches(target, ends, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "use some of these"
            raise UserError(f"{key}: no layer is called '{target}': {hint} (linear layers: {', '.join(ends)})")
        for name, module in found.items():
            if name not in linear:
                raise UserError(
                    f"{key}: '{target}' is {name}, a {type(module).__name__} and no linear layer: choose of"
                    f" {', '.join(ends)}"
                )
            if other := shared.get(name):
                raise UserError(
                    f"{key}: '{target}' is {name}, which has the same weights as {other}: merging an adapter would"
                    " change both: leave it out"
                )
            if not linear[name].weight.requires_grad:
                raise UserError(
                    f"{key}: '{target}' is {name}, in a part of the model that the arm's freeze keeps as it is: leave"
                    " it out, or don't freeze that part"
                )


def _shared(modules: dict[str, nn.Module]) -> dict[str, str]:
    """Modules whose weights are another one's, with that one's name."""
    owners: dict[int, list[str]] = {}
    for name, module in modules.items():
        weight = module._parameters.get("weight")
        if weight is not None:
            owners.setdefault(id(weight), []).append(name)
    return {name: names[names[0] == name] for names in owners.values() if len(names) > 1 for name in names}
