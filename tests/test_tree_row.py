"""A stream beside `TreeRow`, by which TRL's asynchronous trainer shares prompts of text; its kernel is stood in for."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from trl.experimental.async_grpo import packing
from trl.experimental.async_grpo.packing import TREE_ATTENTION, TreeRow, register_tree_attention

from groupshare import Question, log_probs, question_of, stream_of
from sharing_cases import questions, relative
from tiny_families import FAMILIES, tiny

pytestmark = pytest.mark.usefixtures("one_thread")
# Three groups: their completions differ from the first token on, or begin alike, one of them being there twice.
APART = [[[50, 60, 70], [51, 60, 70, 80, 90], [52]], [[53], [54, 60, 61]], [[55] * 12, [56, 57, 58]]]
TOGETHER = [[[50, 60, 70], [50, 60, 71, 80], [50]], [[53, 54], [53, 54]], [[55] * 12, [55] * 7]]
Groups = list[tuple[Question, list[Tensor]]]


def flash_attn_varlen_func(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    queries: Tensor,
    keys: Tensor,
    *most: int,
    softmax_scale: float,
    causal: bool,
    window_size: tuple[int, int],
) -> Tensor:
    """Of each sequence the queries `[T, H, D]` are the last ones of its keys `[K, H_kv, D]`."""
    assert causal
    assert most == (int(queries.diff().max()), int(keys.diff().max()))
    out = []
    for (begin, end), (first, last) in zip(pairwise(queries.tolist()), pairwise(keys.tolist()), strict=True):
        old = last - first - (end - begin)
        mask = torch.ones(end - begin, last - first, dtype=torch.bool).tril(old)
        if window_size[0] >= 0:
            mask = mask.triu(old - window_size[0])
        parts = (x.transpose(0, 1)[None] for x in (query[begin:end], key[first:last], value[first:last]))
        attended = scaled_dot_product_attention(*parts, attn_mask=mask, scale=softmax_scale, enable_gqa=True)
        out.append(attended[0].transpose(0, 1))
    return torch.cat(out)


def groups_of(model: Any, processor: Any, completions: Sequence[Sequence[list[int]]]) -> Groups:
    """Questions of text, with these completions."""
    rows = questions().remove_columns("image")
    asked = (question_of(model, processor, row) for row in rows)
    return [(question, [torch.tensor(ids) for ids in its]) for question, its in zip(asked, completions, strict=True)]


def tree_of(groups: Groups) -> dict[str, Tensor]:
    """The same in one `TreeRow`, packed."""
    row = TreeRow()
    for group, (question, completions) in enumerate(groups):
        for completion in completions:
            ids = torch.cat([question.input_ids, completion])
            trained = torch.arange(len(ids)) >= len(question.input_ids)
            row.add(
                {
                    "input_ids": ids,
                    "completion_mask": trained,
                    "old_log_probs": torch.zeros(len(ids)),
                    "advantage": 0.0,
                    "group_id": group,
                }
            )
    return row.pack()


def log_probs_of(model: Any, tree: dict[str, Tensor]) -> Tensor:
    """Of each trained token, completion after completion, by TRL's attention."""
    register_tree_attention()
    model.set_attn_implementation(TREE_ATTENTION)
    hidden = model.get_decoder()(
        input_ids=tree["input_ids"][None],
        position_ids=tree["position_ids"][None],
        use_cache=False,
        **{name: tree[name] for name in ("tree_kv_index", "tree_cu_seqlens_q", "tree_cu_seqlens_k")},
        **dict(zip(("tree_max_seqlen_q", "tree_max_seqlen_k"), tree["tree_max_seqlens"].tolist(), strict=True)),
    ).last_hidden_state[0]
    scores = model.lm_head(hidden[tree["token_index"]]).log_softmax(-1)
    return scores.gather(1, tree["shift_labels"][tree["token_index"]][:, None])[:, 0]


def tokens_of(inputs: dict[str, Any]) -> Counter[tuple[int, int]]:
    """How often a token is computed at a position."""
    ids = inputs["input_ids"].flatten().tolist()
    return Counter(zip(inputs["position_ids"].flatten()[-len(ids) :].tolist(), ids, strict=True))


@pytest.mark.parametrize(("completions", "alike"), [(APART, 0), (TOGETHER, 3 + 2 + 7)], ids=["apart", "together"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_tree_row_has_a_streams_tokens_log_probs_and_slopes(
    family: str, completions: list[list[list[int]]], alike: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = SimpleNamespace(flash_attn_varlen_func=flash_attn_varlen_func)
    monkeypatch.setattr(packing, "_flash_attn", lambda: kernels)
    model, processor = tiny(family)
    groups = groups_of(model, processor, completions)
    stream, tree = stream_of(groups), tree_of(groups)

    # Both compute a prompt's last token once for each way on from it. A tree also computes the last token of every
    # completion, which predicts nothing; in turn it computes once what completions of a group begin with alike.
    ours, theirs = tokens_of(stream.inputs), tokens_of(tree)
    last = Counter(
        (len(question.input_ids) + len(ids) - 1, ids[-1])
        for question, its in groups
        for ids in {tuple(ids.tolist()) for ids in its}
    )
    assert not theirs - ours - last
    assert (ours + last - theirs).total() == alike

    found = []
    for shared in (True, False):
        model, _ = tiny(family)
        logs = log_probs(model, stream)[0] if shared else log_probs_of(model, tree)
        (torch.linspace(-1, 1, len(logs)) * logs).sum().backward()
        found.append((logs.detach(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])))
    for a, b in zip(*found, strict=True):
        assert relative(a, b) < 1e-5
