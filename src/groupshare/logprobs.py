"""Log-probabilities of completions, with each image encoded and each prompt computed once per group."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from groupshare.attention import streaming
from groupshare.groups import Continued, Groups
from groupshare.questions import TYPES, Question, as_rope_takes, groups_of, joined
from groupshare.towers import images_seen


def shared_log_probs(
    model: nn.Module, questions: Sequence[Question], completion_ids: Tensor, lengths: Sequence[int]
) -> tuple[Tensor, Tensor | None]:
    """Log-probability and entropy `[B, C]` of each token of `completion_ids` `[B, C]`; zero after `lengths`.

    `questions` has one entry per row; rows of a group stand together and hold the same object. `model` has TRL's fused
    LM head (which gives the entropy if it was asked to) and `attention.install`. One forward pass, so gradients flow to
    the shared prompt and image as well; where a rollout has kept all prompts with their graph, through that. The
    results are those of one padded row per completion, up to rounding. Where no row has a token that counts, one is
    computed all the same, since a loss needs a graph.
    """
    lengths = lengths if any(lengths) else [1, *lengths[1:]]
    inputs, stream = laid_out(questions, completion_ids, lengths)
    asked = [question for question, rows in groups_of(questions) if any(lengths[row] for row in rows)]
    if torch.is_grad_enabled() and (kept := _kept(asked)):
        inputs, stream, asked = _continued(inputs, stream.given), Continued(stream, kept), []
    with streaming(stream), images_seen(model, asked):
        output = model(**inputs, fused_lm_head=True)
    inside = torch.arange(completion_ids.shape[1]) < torch.tensor(lengths)[:, None]
    inside = inside.to(completion_ids.device)

    def per_row(values: Tensor) -> Tensor:
        return values.new_zeros(inside.shape).masked_scatter(inside, values[0])

    return per_row(output.log_probs), per_row(output.entropy) if output.entropy is not None else None


def _kept(questions: Sequence[Question]) -> list[list[Any]]:
    """What prefill has kept of each, if of all. They keep it no longer: a graph serves one backward pass."""
    if not all(question.kept for question in questions):
        return []
    kept = [list(question.kept or ()) for question in questions]
    for question in questions:
        assert question.kept is not None
        question.kept.clear()
    return kept


def _continued(inputs: dict[str, Any], given: int) -> dict[str, Any]:
    """The inputs of a stream without its prompts, which are its first `given` tokens, and without their images."""
    alone = {name: inputs[name][..., given:] for name in ("input_ids", "position_ids", *TYPES) if name in inputs}
    return alone | {"shift_labels": inputs["shift_labels"]}


def laid_out(
    questions: Sequence[Question], completion_ids: Tensor, lengths: Sequence[int]
) -> tuple[dict[str, Any], Groups]:
    """The model's inputs, and how they attend.

    A prompt ends before its last token. Each completion begins with that token, which predicts the completion's first,
    and ends before its own last, which predicts nothing: R tokens in, R labels.
    """
    groups = [(question, used) for question, rows in groups_of(questions) if (used := [r for r in rows if lengths[r]])]
    device = completion_ids.device
    tokens, positions = [q.input_ids[:-1] for q, _ in groups], [q.positions[:, :-1] for q, _ in groups]
    labels = []
    for question, rows in groups:
        for row in rows:
            completion = completion_ids[row, : lengths[row]]
            tokens += [question.input_ids[-1:], completion[:-1]]
            labels.append(completion)
            positions.append(question.positions[:, -1:] + torch.arange(lengths[row], device=device))
    input_ids = torch.cat(tokens)[None]
    inputs: dict[str, Any] = {
        "input_ids": input_ids,
        "position_ids": as_rope_takes(torch.cat(positions, dim=1)),
        "shift_labels": torch.cat(labels)[None],
        **joined([question.images for question, _ in groups]),
    }
    for name in groups[0][0].types:
        types = torch.cat([question.types[name][:-1] for question, _ in groups])  # completions are text
        inputs[name] = pad(types, (0, input_ids.shape[1] - len(types)))[None]
    prompts = [len(question.input_ids) - 1 for question, _ in groups]
    return inputs, Groups(prompts, [[lengths[row] for row in rows] for _, rows in groups], device)


def passes_of(questions: Sequence[Question], lengths: Sequence[int], budget: int) -> list[list[int]]:
    """The rows cut into passes of at most `budget` tokens each; a group is cut only if it is larger than that."""
    passes: list[list[int]] = [[]]
    left = budget
    for question, rows in groups_of(questions):
        prompt = len(question.input_ids)
        whole = prompt + sum(lengths[row] for row in rows)
        if passes[-1] and whole > left:
            passes.append([])
            left = budget
        left -= prompt
        for row in rows:
            if passes[-1] and lengths[row] > left:
                passes.append([])
                left = budget - prompt
            passes[-1].append(row)
            left -= lengths[row]
    return passes
