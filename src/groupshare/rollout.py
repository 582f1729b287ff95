"""Sampling groups of completions: each prompt is prefilled once and its keys and values are never copied.

All rows are decoded together (decoding.py), with what `generate` would obey of a generation config.
"""

import logging
from collections.abc import Sequence

import torch
from transformers import (
    GenerationConfig,
    GenerationMixin,
    LogitsProcessorList,
    MinPLogitsWarper,
    PreTrainedModel,
    SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from groupshare.caches import Rows
from groupshare.choosing import Choice
from groupshare.cohorts import Cohort, Luck, Room, Row
from groupshare.decoding import Decoder
from groupshare.questions import Question
from groupshare.shared_prompts import SharedPrompts

logger = logging.getLogger(__name__)

# What of a generation config is obeyed here, or has nothing to do with which token is drawn.
OBEYED = {
    *("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "suppress_tokens", "max_new_tokens", "do_sample"),
    *("bos_token_id", "eos_token_id", "pad_token_id", "max_length", "use_cache", "disable_compile", "compile_config"),
    *("return_dict_in_generate", "transformers_version", "_from_model_config", "remove_invalid_values"),
    *("output_attentions", "output_hidden_states", "output_scores", "output_logits"),
}
GENERATE = GenerationMixin.generate  # what `rollout` does as it does
STRIDE = 8  # tokens from one look at which rows have ended to the next, on a GPU; on a CPU a look costs nothing


def settings_of(model: PreTrainedModel, asked: GenerationConfig) -> GenerationConfig:
    """What `model.generate(generation_config=asked)` goes by: what `asked` leaves open, the model's own config says."""
    settings, _ = model._prepare_generation_config(asked)
    return settings


def can_sample(model: PreTrainedModel, settings: GenerationConfig) -> bool:
    """Whether `rollout` does what `model.generate` would do; told once where it doesn't.

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


def rollout(model: PreTrainedModel, questions: Sequence[Question], settings: GenerationConfig) -> list[Row]:
    """A completion of `model` for each row, with the log-probabilities of its tokens at the settings' temperature.

    Rows of a group stand together and hold the same question. Obeys what `OBEYED` lists of `settings`. Random numbers
    are drawn as `generate` draws them, for every row in every step until the last row ends, so with the same seed the
    completions are those of `generate` as long as rounding decides no token.
    """
    luck = Luck(model.device)
    cohort = Cohort.of(questions, luck)
    stride = STRIDE if model.device.type == "cuda" else 1
    for _ in sampler(model, settings, Room(), stride, log_probs=True).write(iter([cohort])):
        pass
    luck.rewind(max(len(row.tokens) for row in cohort.rows))
    return cohort.rows


def sampler(
    model: PreTrainedModel,
    settings: GenerationConfig,
    room: Room,
    stride: int,
    together: int = 1,
    log_probs: bool = False,
) -> Decoder:
    """A decoder of groups by a generation config, that notes tokens' `log_probs` if asked to; see `Decoder`."""
    assert settings.max_new_tokens is not None
    most = settings.max_new_tokens
    ends = settings.eos_token_id
    choice = Choice(
        ends=ends if isinstance(ends, list) else [ends],
        most=most,
        penalty=settings.repetition_penalty or 1.0,
        processors=_processors(settings, model.device),
        padding=settings.pad_token_id,
        temperature=(settings.temperature or 1.0) if log_probs else None,
    )

    def cache(rows: int, fixed: bool) -> Rows:
        return SharedPrompts(most, fixed)

    return Decoder(model, cache, choice, room, stride, together)


def _processors(settings: GenerationConfig, device: torch.device) -> LogitsProcessorList:
    """Transformers' own, in the order of `generate`; the penalty on repetitions comes before them."""
    chosen = LogitsProcessorList()
    if settings.suppress_tokens:
        chosen.append(SuppressTokensLogitsProcessor(settings.suppress_tokens, device=device))
    if settings.temperature not in (None, 1.0):
        chosen.append(TemperatureLogitsWarper(settings.temperature))
    if settings.top_k:
        chosen.append(TopKLogitsWarper(top_k=settings.top_k))
    if settings.top_p is not None and settings.top_p < 1.0:
        chosen.append(TopPLogitsWarper(top_p=settings.top_p))
    if settings.min_p is not None:
        chosen.append(MinPLogitsWarper(min_p=settings.min_p))
    return chosen
