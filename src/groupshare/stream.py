"""A stream in, log-probabilities out: what the trainers compute, as a function, for any loss and any loop.

    prompts = [question_of(model, processor, row) for row in rows]
    stream = stream_of([(prompt, [ids, ids, ...]) for prompt in prompts])   # each prompt with its completions' tokens
    logs, entropies = log_probs(model, stream)
    loss = -sum((advantage * row.sum()) for advantage, row in zip(advantages, stream.rows(logs)))

One forward pass computes each image and each prompt once, and gradients flow back into both from all completions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.checkpoint import checkpoint

from groupshare.attention import install, streaming
from groupshare.groups import Groups
from groupshare.heads import head_of
from groupshare.logprobs import laid_out
from groupshare.questions import Question

TOKENS_AT_A_TIME = 1024  # whose logits are in memory together


@dataclass(frozen=True)
class Stream:
    """Prompts, each once, then all completions, as one row of tokens; R of them are the completions' tokens."""

    inputs: dict[str, Any]  # what the model takes
    targets: Tensor  # [R]: the completions' tokens, completion after completion
    layout: Groups  # who may attend to whom
    lengths: list[int]  # of the completions; they add up to R

    def rows(self, values: Tensor) -> list[Tensor]:
        """Values `[R]`, such as log-probabilities, of each completion."""
        return list(values.split(self.lengths))


def stream_of(groups: Sequence[tuple[Question, Sequence[Tensor]]]) -> Stream:
    """The stream of groups: each question, on the model's device, with the tokens of its completions, each `[C]`.

    Raises:
        ValueError: if a completion has no token, or a group no completion.
    """
    questions = [question for question, completions in groups for _ in completions]
    completions = [completion for _, its in groups for completion in its]
    lengths = [len(completion) for completion in completions]
    if not all(lengths) or not all(len(its) for _, its in groups) or not groups:
        raise ValueError("a stream needs groups of one completion or more, each of one token or more")
    inputs, layout = laid_out(questions, pad_sequence(completions, batch_first=True), lengths)
    return Stream(inputs, inputs.pop("shift_labels")[0], layout, lengths)


def log_probs(model: nn.Module, stream: Stream, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy `[R]` of each token of the completions of `stream`, in nats, in float32 at least.

    `model` is transformers', or PEFT's of such a one. Its attention is set to one that is PyTorch's SDPA wherever no
    stream is at hand, so that it goes on generating, saving and training as before.

    Raises:
        SharingError: for a model that no stream can go through.
    """
    plain: Any = model.get_base_model() if hasattr(model, "get_base_model") else model
    install(plain)
    with streaming(stream.layout):
        hidden = plain.base_model(**stream.inputs, use_cache=False).last_hidden_state[0]
    head = head_of(plain)

    def score(hidden: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        logits = head(hidden)
        logs = (logits.to(torch.promote_types(logits.dtype, torch.float32)) / temperature).log_softmax(-1)
        return logs.gather(1, targets[:, None])[:, 0], -(logs.exp() * logs).sum(-1)

    parts = zip(hidden.split(TOKENS_AT_A_TIME), stream.targets.split(TOKENS_AT_A_TIME), strict=True)
    scored = [checkpoint(score, part, targets, use_reentrant=False) for part, targets in parts]
    logs, entropies = zip(*scored, strict=True)
    return torch.cat(logs), torch.cat(entropies)
