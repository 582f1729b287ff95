"""A frozen vision tower looks at each image once: what it made of it serves rollout, reference model and update.

The reference model's tower is the policy's, which nothing has changed. So no pass but the first computes an image, and
none goes back through the tower.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from groupshare.questions import Question

KEPT = ("pooler_output", "deepstack_features")  # of what a family's tower gives: what its decoder takes


def is_frozen(model: PreTrainedModel) -> bool:
    """Whether a model has a tower, and all of it (with adapters in it) stays as it is."""
    if not hasattr(model.base_model, "get_image_features"):
        return False
    decoder = {id(weights) for weights in model.get_decoder().parameters()}
    return not any(weights.requires_grad for weights in model.base_model.parameters() if id(weights) not in decoder)


@contextmanager
def images_seen(model: nn.Module, questions: Sequence[Question]) -> Iterator[None]:
    """Let `model` take what was made of the images of `questions`, in this order, where they keep it (`seen`)."""
    with_images = [question for question in questions if question.images]
    if not with_images or any(question.seen is None for question in with_images):
        yield
        return
    plain: Any = getattr(model, "module", model)
    base = (plain.get_base_model() if hasattr(plain, "get_base_model") else plain).base_model
    made = [_made(base, question) for question in with_images]
    joined = SimpleNamespace(**{name: _joined([one[name] for one in made]) for name in made[0]})
    base.get_image_features = lambda *args, **kwargs: joined
    try:
        yield
    finally:
        del base.get_image_features


def _made(base: Any, question: Question) -> dict[str, Any]:
    """What the tower makes of a question's images, kept as long as the question."""
    seen = question.seen
    assert seen is not None
    if seen.get("images") is not question.images:  # or it was made of others
        with torch.no_grad():
            found = base.get_image_features(**question.images, return_dict=True)
        kept = {name: getattr(found, name, None) for name in KEPT}
        seen.update(images=question.images, features={name: x for name, x in kept.items() if x is not None})
    features: dict[str, Any] = seen["features"]
    return features


def _joined(values: Sequence[Any]) -> Any:
    """Features of several questions in one: of each image (a tuple), of each layer (a list), or of all tokens."""
    if isinstance(values[0], Tensor):
        return torch.cat(list(values))
    if isinstance(values[0], tuple):
        return sum(values, ())
    return [torch.cat(layer) for layer in zip(*values, strict=True)]
