"""How sure a model is of its next token where it begins to reconsider, and elsewhere in the same thought.

The entropy of the next-token distribution (nats, at temperature 1), from one pass over prompt and thought as they were
written. If "Wait" is a fork at which the model weighs going on against turning back, entropy is high there; a habit has
none.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypedDict

import torch
from transformers import PreTrainedModel

from groupshare.questions import as_rope_takes
from visualzero.config import Evaluate
from visualzero.evaluation.answering.asking import Asked, Batch
from visualzero.evaluation.answering.preparing import questions_of
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor


class Reconsidered(NamedTuple):
    """A thought from the end of the prompt on, and the part of it that stands before its first cue."""

    whole: str
    before: str


class Certainty(TypedDict):
    """Entropy where the cue begins, its mean over the `n` other tokens of the thought; None without a cue."""

    entropy: dict[str, float] | None


def certainty(
    batches: Iterable[Batch],
    thoughts: Mapping[str, Reconsidered],
    weights: Path,
    processor: ImageProcessor,
    settings: Evaluate,
) -> Iterator[list[Certainty]]:
    """The entropies of each question whose id is in `thoughts`, by the checkpoint folder `weights`, on a GPU if any."""
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    model = load_model(weights, settings.dtype).to("cuda" if torch.cuda.is_available() else "cpu")
    for batch in batches:
        yield [
            {"entropy": _at_cue(model, processor, one, thoughts[one.id]) if one.id in thoughts else None}
            for one in batch
        ]


def _at_cue(
    model: PreTrainedModel, processor: ImageProcessor, one: Asked, said: Reconsidered
) -> dict[str, float] | None:
    prompt, before, whole = (
        len(processor.tokenizer(one.prompt + text, add_special_tokens=False)["input_ids"])
        for text in ("", said.before, said.whole)
    )
    if whole - prompt < 2 or before >= whole:
        return None
    entropies = thought_entropies(model, processor, one, said.whole, whole - prompt)
    cue = before - prompt
    others = torch.cat([entropies[:cue], entropies[cue + 1 :]])
    return {"cue": float(entropies[cue]), "others": float(others.mean()), "n": len(others)}


@torch.inference_mode()
def thought_entropies(
    model: PreTrainedModel, processor: ImageProcessor, one: Asked, thought: str, tokens: int
) -> torch.Tensor:
    """Entropy `[tokens]` of the distribution that each token of a thought was drawn from."""
    [said] = questions_of([one._replace(prompt=one.prompt + thought)], processor, model)
    rows = {"input_ids": said.input_ids[None], **{name: value[None] for name, value in said.types.items()}}
    inputs = {**rows, **said.images, "position_ids": as_rope_takes(said.positions)}
    output = model(
        **{name: value.to(model.device) for name, value in inputs.items()}, use_cache=False, logits_to_keep=tokens + 1
    )  # the last one is of what follows the thought
    logs = output.logits[0, :-1].float().log_softmax(dim=-1)
    return -(logs.exp() * logs).sum(dim=-1).cpu()
