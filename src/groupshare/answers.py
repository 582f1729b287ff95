"""Supervised fine-tuning in a stream: no padding, logits for what is learnt alone, an image once for all its questions.

A batch is prompts, each there once, then answers, as in streams of groups. Questions of a batch about the same
images are a group: they share the images, and what stands in their prompts before the first token that differs.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import gather
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from groupshare.attention import install, streaming
from groupshare.errors import SharingError
from groupshare.groups import Groups
from groupshare.logprobs import laid_out
from groupshare.questions import TYPES, Question, rope_index_of
from groupshare.verification import ROUNDED, TOLERANCE

if TYPE_CHECKING:
    from trl import SFTTrainer as _Trainer
else:
    _Trainer = object

NOTHING = -100  # the label of a token that isn't learnt
TEXT = ("input_ids", "attention_mask", "labels")  # of a collated batch; what else it has is the images'


@dataclass(frozen=True, eq=False)
class Sample:
    """A prompt and its answer as one row of T tokens, on the host, and what TRL's collator makes of it."""

    ids: Tensor  # [T]
    labels: Tensor  # [T]; the first of them that is learnt isn't the first of the row
    images: str  # a digest of what the processor makes of them; empty where there are none
    row: dict[str, Any]  # a batch of this one

    @property
    def prompt(self) -> int:
        """Tokens before the first that is learnt; all but one where none is."""
        learnt = (self.labels != NOTHING).nonzero()
        return int(learnt[0]) if len(learnt) else len(self.ids) - 1

    def question(self, length: int) -> Question:
        """Its first `length` tokens, with all its images."""
        beside = {name: value for name, value in self.row.items() if name not in TEXT}
        return Question(
            input_ids=self.ids[:length],
            types={name: value[0, :length] for name, value in beside.items() if name in TYPES},
            images={name: value for name, value in beside.items() if name not in TYPES},
        )


class SampleCollator:
    """Batches as samples, each collated alone by `collate`, TRL's collator.

    Raises:
        SharingError: when called with a row whose first token is learnt: sharing learns answers alone.
    """

    def __init__(self, collate: Callable[[list[dict[str, Any]]], dict[str, Any]]):
        self.collate = collate

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """`samples`, and for the Trainer that counts them the labels of all `[N]`."""
        samples = [self._sample(self.collate([example])) for example in examples]
        labels = torch.cat([sample.labels[1:] for sample in samples])
        return {"samples": samples, "labels": labels, "shift_labels": labels}

    @staticmethod
    def _sample(row: dict[str, Any]) -> Sample:
        digest = blake2b()
        images = sorted(name for name in row if name not in (*TEXT, *TYPES))
        for name in images:
            digest.update(row[name].contiguous().numpy().data)
        sample = Sample(row["input_ids"][0], row["labels"][0], digest.hexdigest() if images else "", dict(row))
        if sample.prompt == 0:
            raise SharingError("what is learnt includes the prompt (completion_only_loss=False), which can't be shared")
        return sample


@dataclass(frozen=True)
class Group:
    """Samples that share their images and the `length` first tokens of their prompts."""

    samples: list[Sample]
    length: int


def grouped(samples: Iterable[Sample], image_tokens: set[int]) -> list[Group]:
    """The samples of a batch by their images, in the order in which these come first.

    A sample stays alone where it has none, or where its prompt differs from another's before its images end.
    """
    alike: dict[Any, list[Sample]] = {}
    for sample in samples:
        alike.setdefault(sample.images or sample, []).append(sample)
    tokens = torch.tensor(sorted(image_tokens), dtype=torch.long)
    groups = []
    for members in alike.values():
        shared = min(_common([sample.ids for sample in members]), *(sample.prompt for sample in members))
        seen = torch.isin(members[0].ids, tokens).nonzero()
        # A prompt's last token begins each of its answers, and only text goes on where it stands.
        together = len(members) > 1 and len(seen) > 0 and shared > int(seen[-1]) + 1
        groups += [Group(members, shared)] if together else [Group([one], one.prompt) for one in members]
    return groups


def _common(rows: Sequence[Tensor]) -> int:
    """How many first tokens all rows have in common."""
    shortest = min(map(len, rows))
    same = torch.stack([row[:shortest] == rows[0][:shortest] for row in rows]).all(dim=0)
    return int(same.cumprod(0).sum())


class AnswerSharing(_Trainer):
    """Put before TRL's `SFTTrainer`: the same losses and gradients up to rounding, by streams.

        class MyTrainer(AnswerSharing, SFTTrainer): ...

    For rows of prompt and completion, of which the completion is learnt. A part of the first batch is also computed
    TRL's way.

    Raises:
        SharingError: when that comparison fails, for a model whose attention is not SDPA, for the balance loss of
            mixtures of experts, and for label smoothing and losses of one's own, which ask for logits of all tokens.
    """

    data_collator: Any
    _total_train_tokens: int

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.aux_loss_enabled:
            raise SharingError("the balance loss of a mixture of experts (router_aux_loss_coef) is not supported")
        if self.compute_loss_func is not None or self.label_smoother is not None:
            raise SharingError("label smoothing and a loss of one's own ask for logits of prompts, too")
        self.data_collator = SampleCollator(self.data_collator)
        self._verified = False
        install(self._plain)

    @property
    def _plain(self) -> PreTrainedModel:
        model = self.accelerator.unwrap_model(self.model)
        return model.get_base_model() if hasattr(model, "get_base_model") else model

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The loss of a batch, as TRL makes it of the model's log-probabilities."""
        samples = inputs["samples"]
        if not self._verified:
            self._verify(samples)
            self._verified = True
        given, layout = self._stream(samples)
        read = self._total_train_tokens
        with streaming(layout):
            loss = super().compute_loss(model, given, *args, **kwargs)
        if self.model.training:  # TRL counts the stream's, or the axes of its positions
            tokens = torch.tensor([sum(len(sample.ids) for sample in samples)], device=self.accelerator.device)
            self._total_train_tokens = read + int(gather(tokens).sum())
        self._metrics["train" if self.model.training else "eval"]["num_tokens"] = [self._total_train_tokens]
        return loss

    @property
    def _image_tokens(self) -> set[int]:
        """The tokens in the place of which the model puts what it sees."""
        names = ("image_token_id", "image_token_index")
        return {found for name in names if (found := getattr(self._plain.config, name, None)) is not None}

    def _stream(self, samples: Sequence[Sample]) -> tuple[dict[str, Any], Groups]:
        """What the model takes, and how its tokens attend."""
        device, rope_index = self.accelerator.device, rope_index_of(self._plain)
        questions, answers, labels = [], [], []
        for group in grouped(samples, self._image_tokens):
            question = group.samples[0].question(group.length).placed(device, rope_index)
            for sample in group.samples:
                questions.append(question)
                answers.append(sample.ids[group.length :].to(device))
                labels.append(sample.labels[group.length :].to(device))
        inputs, layout = laid_out(questions, pad_sequence(answers, batch_first=True), list(map(len, answers)))
        return inputs | {"shift_labels": torch.cat(labels)[None]}, layout

    def _verify(self, samples: Sequence[Sample]) -> None:
        """Compare what two rows of the largest group get with what each gets by itself, as TRL computes it."""
        pair = max(grouped(samples, self._image_tokens), key=lambda group: len(group.samples)).samples[:2]
        pair = pair if len(pair) > 1 else pair * 2  # as many passes on every process
        training = self.model.training
        self.model.eval()
        with torch.no_grad(), self.accelerator.autocast():
            given, layout = self._stream(pair)
            with streaming(layout):
                ours = self.model(**given, use_cache=False, fused_lm_head=True).log_probs.sum()
            rows = [self._prepare_inputs(sample.row) for sample in pair]
            theirs = sum(self.model(**row, use_cache=False, fused_lm_head=True).log_probs.sum() for row in rows)
        self.model.train(training)
        learnt = sum(int((sample.labels != NOTHING).sum()) for sample in pair)
        difference = abs(float(ours - theirs)) / max(learnt, 1)
        half = self.args.bf16 or self.args.fp16 or self._plain.dtype not in (torch.float32, torch.float64)
        if not difference <= (ROUNDED if half else TOLERANCE):
            raise SharingError(
                f"log-probabilities differ from the model's own by {difference:.2g} on average: this model can't share"
                " an image among questions"
            )
