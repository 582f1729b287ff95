"""Sampling groups of completions: each prompt is prefilled once and its keys and values are never copied.

All rows are decoded together. In a step, the rows of a group read their prompt's keys and values as one matrix product,
each row reads its own completion, and the two are merged with their log-sum-exps. Rows that are finished leave.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    GenerationConfig,
    GenerationMixin,
    LogitsProcessorList,
    MinPLogitsWarper,
    PreTrainedModel,
    RepetitionPenaltyLogitsProcessor,
    SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from groupshare.attention import Layer, Prompts, StreamAttention, attend_apart, streaming
from groupshare.questions import Question, as_rope_takes, groups_of

logger = logging.getLogger(__name__)

# What of a generation config is obeyed here, or has nothing to do with which token is drawn.
OBEYED = {
    *("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "suppress_tokens", "max_new_tokens", "do_sample"),
    *("bos_token_id", "eos_token_id", "pad_token_id", "max_length", "use_cache", "disable_compile", "compile_config"),
    *("return_dict_in_generate", "transformers_version", "_from_model_config", "remove_invalid_values"),
}
GENERATE = GenerationMixin.generate  # what `sample` does as it does
LEAVING = 0.125  # share of the rows that are finished before they leave together; leaving copies the cache


def settings_of(model: PreTrainedModel, asked: GenerationConfig) -> GenerationConfig:
    """What `model.generate(generation_config=asked)` goes by: what `asked` leaves open, the model's own config says."""
    settings, _ = model._prepare_generation_config(asked)
    return settings


def can_sample(model: PreTrainedModel, settings: GenerationConfig) -> bool:
    """Whether `sample` does what `model.generate` would do; told once where it doesn't.

    It doesn't for a model with a `generate` of its own, nor where settings that it doesn't know differ from the
    library's defaults.
    """
    if getattr(model.generate, "__func__", None) is not GENERATE:
        logger.warning("group sharing: generate samples, since %s has one of its own", type(model).__name__)
        return False
    usual = GenerationConfig()
    usual.update(**usual._get_default_generation_params(), defaults_only=True)
    beyond = sorted(
        name
        for name, value in settings.to_diff_dict().items()
        if name not in OBEYED and value is not None and value != getattr(usual, name, None)
    )
    if beyond:
        logger.warning("group sharing: generate samples, since the generation config sets %s", ", ".join(beyond))
    return not beyond


@torch.no_grad()
def sample(model: PreTrainedModel, questions: Sequence[Question], settings: GenerationConfig) -> list[list[int]]:
    """A completion of `model` for each row, with the token that ended it if it came to its end.

    Rows of a group stand together and hold the same question. Obeys what `OBEYED` lists of `settings`. Random numbers
    are drawn as `generate` draws them, for every row in every step until the last row ends, so with the same seed the
    completions are those of `generate` as long as rounding decides no token.
    """
    device = questions[0].input_ids.device
    groups = groups_of(questions)
    group_of_row = torch.tensor([i for i, (_, rows) in enumerate(groups) for _ in rows], device=device)
    prompts = [question for question, _ in groups]
    logits, decoding = _prefill(model, prompts, group_of_row)
    # The model's own forward does nothing else for text, and takes as long as a small layer.
    decoder, embed, head = model.get_decoder(), model.get_input_embeddings(), head_of(model)
    logits = logits[group_of_row]
    next_position = torch.stack([q.positions.max() + 1 for q in prompts])[group_of_row]
    axes = len(prompts[0].positions)

    processors = _processors(settings)
    ends = torch.tensor(settings.eos_token_id, device=device)
    padded = [q.input_ids for q in questions]
    ids = pad_sequence(padded, batch_first=True, padding_value=settings.pad_token_id, padding_side="left")
    prompt_width = ids.shape[1]
    unfinished = torch.ones(len(questions), dtype=torch.bool, device=device)
    rows = torch.arange(len(questions), device=device)  # those that are still decoded
    chances = logits.new_ones(len(questions), logits.shape[1], dtype=torch.float32)

    for step in range(settings.max_new_tokens):
        chances[rows] = processors(ids[rows], logits.float()).softmax(dim=-1)
        tokens = torch.multinomial(chances, num_samples=1).squeeze(1)
        tokens = tokens.where(unfinished, settings.pad_token_id)
        ids = torch.cat([ids, tokens[:, None]], dim=1)
        unfinished &= ~torch.isin(tokens, ends)
        remaining = int(unfinished.sum())
        if not remaining or step + 1 == settings.max_new_tokens:
            break
        if remaining <= (1 - LEAVING) * len(rows):
            stay = unfinished[rows].nonzero().squeeze(1)
            decoding.keep(stay)
            rows = rows[stay]
        positions = as_rope_takes((next_position[rows] + step).expand(axes, -1))
        with streaming(decoding):
            hidden = decoder(
                inputs_embeds=embed(tokens[rows])[None], position_ids=positions, use_cache=False
            ).last_hidden_state
        decoding.length += 1
        logits = head(hidden[0])
    return [_until_end(row, set(settings.eos_token_id)) for row in ids[:, prompt_width:].tolist()]


def head_of(model: PreTrainedModel) -> Callable[[Tensor], Tensor]:
    """What makes logits of hidden states `[N, D]`, with what some families do to them."""
    project, text = model.get_output_embeddings(), model.config.get_text_config()
    scale, cap = getattr(text, "logit_scale", None), getattr(text, "final_logit_softcapping", None)

    def logits(hidden: Tensor) -> Tensor:
        out: Tensor = project(hidden)
        out = out if scale is None else out * scale
        return out if cap is None else torch.tanh(out / cap) * cap

    return logits


def _until_end(tokens: list[int], ends: set[int]) -> list[int]:
    stop = next((i + 1 for i, token in enumerate(tokens) if token in ends), None)
    return tokens[:stop]


def _processors(settings: GenerationConfig) -> LogitsProcessorList:
    """Transformers' own, in the order of `generate`."""
    chosen = LogitsProcessorList()
    if settings.repetition_penalty not in (None, 1.0):
        chosen.append(RepetitionPenaltyLogitsProcessor(penalty=settings.repetition_penalty))
    if settings.suppress_tokens:
        chosen.append(SuppressTokensLogitsProcessor(settings.suppress_tokens, device="cpu"))
    if settings.temperature not in (None, 1.0):
        chosen.append(TemperatureLogitsWarper(settings.temperature))
    if settings.top_k:
        chosen.append(TopKLogitsWarper(top_k=settings.top_k))
    if settings.top_p is not None and settings.top_p < 1.0:
        chosen.append(TopPLogitsWarper(top_p=settings.top_p))
    if settings.min_p is not None:
        chosen.append(MinPLogitsWarper(min_p=settings.min_p))
    return chosen


def _prefill(model: PreTrainedModel, prompts: Sequence[Question], group_of_row: Tensor) -> tuple[Tensor, "Decoding"]:
    """Logits `[N, V]` after each of N prompts, and their keys and values. One pass per prompt bounds the memory."""
    logits, caches = [], []
    for question in prompts:
        attention = Prompts([len(question.input_ids)])
        types = {name: value[None] for name, value in question.types.items()}
        with streaming(attention):
            output = model(
                input_ids=question.input_ids[None],
                position_ids=as_rope_takes(question.positions),
                use_cache=False,
                logits_to_keep=1,
                **types,
                **question.images,
            )
        logits.append(output.logits[0, -1])
        caches.append(attention)
    return torch.stack(logits), Decoding(caches, group_of_row)


@dataclass
class _Cache:
    """Keys and values `[rows or prompts, H_kv, tokens, D]`."""

    prompt_keys: Tensor
    prompt_values: Tensor
    keys: Tensor
    values: Tensor


class Decoding(StreamAttention):
    """One new token per row: the row's prompt, shared within its group, then the row's own tokens so far."""

    def __init__(self, prompts: Sequence[Prompts], group_of_row: Tensor):
        self.prompts = [prompt.lengths[0] for prompt in prompts]
        self.length = 0  # of the completions so far
        self.layers = []
        for layer in range(len(prompts[0].keys)):
            keys, values = (
                pad_sequence([x[layer][0][0].transpose(0, 1) for x in caches], batch_first=True).transpose(1, 2)
                for caches in ([p.keys for p in prompts], [p.values for p in prompts])
            )
            empty = keys.new_empty(len(group_of_row), keys.shape[1], 0, keys.shape[3])
            self.layers.append(_Cache(keys.contiguous(), values.contiguous(), empty, empty))
        self.masks: dict[int | None, tuple[int | None, Tensor | None]] = {}  # by window: for which token, and the mask
        self._seat(group_of_row)

    def _mask(self, window: int | None) -> Tensor | None:
        """What is added to scores `[N, 1, 1, P]` so that only a prompt's tokens within the window are seen.

        None if every prompt is seen whole.
        """
        keys = self.layers[0].prompt_keys
        places, lengths = torch.arange(keys.shape[2]), torch.tensor(self.prompts)[:, None]
        hidden = places >= lengths
        if window is not None:
            hidden |= places <= lengths + self.length - window
        if not hidden.any():
            return None
        return keys.new_zeros(hidden.shape).masked_fill(hidden.to(keys.device), float("-inf"))[:, None, None]

    def _seen(self, window: int | None) -> Tensor | None:
        """`_mask`, made once for all layers of a token; without a window once for all tokens."""
        made = self.length if window is not None else None
        if window not in self.masks or self.masks[window][0] != made:
            self.masks[window] = made, self._mask(window)
        return self.masks[window][1]

    def _seat(self, group_of_row: Tensor) -> None:
        """Seats in a table with a line per prompt, as long as the largest group, so that a line is one product."""
        self.group_of_row = group_of_row
        sizes = group_of_row.bincount(minlength=len(self.prompts))
        first = sizes.cumsum(0) - sizes
        seats = torch.arange(int(sizes.max()), device=group_of_row.device)
        rows = torch.arange(len(group_of_row), device=group_of_row.device)
        self.seat_of_row = group_of_row * len(seats) + rows - first[group_of_row]  # [M]
        self.row_of_seat = (first[:, None] + seats.minimum(sizes[:, None] - 1)).flatten()  # [N * S]; an empty one: any

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows, and with the prompts that they need."""
        groups, group_of_row = self.group_of_row[rows].unique(return_inverse=True)
        for layer in self.layers:
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]
        if len(groups) < len(self.prompts):
            self.prompts = [self.prompts[group] for group in groups.tolist()]
            for layer in self.layers:
                layer.prompt_keys, layer.prompt_values = layer.prompt_keys[groups], layer.prompt_values[groups]
            self.masks.clear()
        self._seat(group_of_row)

    def attend(
        self, layer: Layer, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float = 0.0
    ) -> Tensor:
        """See `StreamAttention`; here T is the number of rows M, and nothing is dropped."""
        query, key = query.to(value.dtype), key.to(value.dtype)  # under autocast, M-RoPE leaves float32
        cache = self.layers[layer.index]
        self._append(cache, key, value)
        rows, kv_heads = key.shape[2], key.shape[1]
        query = query[0].transpose(0, 1).unflatten(1, (kv_heads, -1)) * scale  # [M, H_kv, H / H_kv, D]
        so_far = slice(max(0, self.length + 1 - (layer.window or self.length + 1)), self.length + 1)
        own_out, own_sum = attend_apart(query, cache.keys[:, :, so_far], cache.values[:, :, so_far])

        seated = query[self.row_of_seat].unflatten(0, (len(self.prompts), -1)).transpose(1, 2)  # [N, H_kv, S, rep, D]
        shape = seated.shape[2:4]
        mask = self._seen(layer.window)
        shared = attend_apart(seated.flatten(2, 3), cache.prompt_keys, cache.prompt_values, mask)
        shared_out, shared_sum = (x.unflatten(2, shape).transpose(1, 2).flatten(0, 1)[self.seat_of_row] for x in shared)
        weight = (shared_sum - own_sum).sigmoid()[..., None]
        if layer.window is not None and mask is not None:  # a prompt may have left the window as a whole
            gone = mask.isinf().all(-1).flatten()[self.group_of_row, None, None, None]
            weight, shared_out = weight.masked_fill(gone, 0), shared_out.masked_fill(gone, 0)
        merged = own_out.to(weight.dtype).lerp(shared_out.to(weight.dtype), weight)
        return merged.to(value.dtype).reshape(1, rows, -1, query.shape[-1])

    def _append(self, cache: _Cache, key: Tensor, value: Tensor) -> None:
        if self.length == cache.keys.shape[2]:
            room = cache.keys.new_zeros(*cache.keys.shape[:2], max(32, self.length), cache.keys.shape[3])
            cache.keys, cache.values = torch.cat([cache.keys, room], dim=2), torch.cat([cache.values, room], dim=2)
        cache.keys[:, :, self.length] = key[0].transpose(0, 1)
        cache.values[:, :, self.length] = value[0].transpose(0, 1)
