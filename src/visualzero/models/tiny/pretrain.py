"""Train in place: sight alone, and then text about what is seen.

Plain loops: draw documents, pack them into batches of like length, minimize the loss of the next token.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration

from visualzero.data.toyspace.questions import Asked
from visualzero.models.tiny.corpus import Document
from visualzero.models.tiny.muon import Muon
from visualzero.models.tiny.pools import GRID, IMAGE_TOKENS, Pool, patchify
from visualzero.models.tiny.sight import Sight, sight_batches, sight_loss, sight_measures

TOLD_EVERY = 100  # steps
AT_ONCE = 64  # images
SCALED_BY = 256  # images whose tokens tell how long the tower makes them
LENGTH = 3.0  # of the tower's tokens, in lengths of an embedding

Draw = Callable[[Asked, random.Random], Document]
Mixture = dict[Draw, float]  # kinds of documents and their shares


@dataclass(frozen=True)
class Looked:
    """Questions with what the tower makes of their images: `tokens` is float32 [n, 16, hidden size]."""

    asked: list[Asked]
    tokens: Tensor


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: linear warm-up, the peak, then down to a twentieth of it over the last steps, linearly."""

    steps: int
    batch: int
    learning_rate: float
    matrix_learning_rate: float
    warmup: int = 50
    falling: float = 0.4  # share of the steps

    def factor(self, step: int) -> float:
        """What the peak learning rate is multiplied by in step `step`, counted from 0."""
        left = (self.steps - step) / max(1.0, self.falling * self.steps)
        return min((step + 1) / self.warmup, max(0.05, min(1.0, left)))


def learn_to_see(
    model: Qwen2VLForConditionalGeneration, pool: Pool, schedule: Schedule, seed: int, say: Callable[[str], None]
) -> None:
    """Train the vision tower by a reader that is thrown away."""
    sight = Sight(model.model.visual, model.config.text_config.hidden_size)
    stream = sight_batches(pool, schedule.batch, seed)

    def loss() -> Tensor:
        pixels, places = next(stream)
        return sight_loss(sight(pixels), places)

    def tell(step: int) -> None:
        pixels, places = next(stream)
        say(f"after {step} steps: {sight_measures(sight(pixels), places)}")

    _fit(sight, loss, schedule, say, tell)
    _as_words(model, patchify(pool.images[:SCALED_BY]))


@torch.no_grad()
def _as_words(model: Qwen2VLForConditionalGeneration, pixels: Tensor) -> None:
    """Bring the tower's tokens to the scale of words: centred, and a few times as long as an embedding.

    The reader doesn't mind their length, and the tower makes them a hundred times as long, too long to be read.
    """
    tokens = _tokens(model, pixels)
    words = model.get_input_embeddings().weight.norm(dim=-1).mean()
    last = model.model.visual.merger.mlp[-1]
    last.bias -= tokens.mean(0)
    scale = LENGTH * words / (tokens - tokens.mean(0)).norm(dim=-1).mean()
    last.weight *= scale
    last.bias *= scale


def learn_to_read(
    model: Qwen2VLForConditionalGeneration,
    stream: Iterator[dict[str, Tensor]],
    schedule: Schedule,
    say: Callable[[str], None],
    then: Callable[[int], None] | None = None,
) -> float:
    """Train what reads on documents, not what sees; returns the mean loss of the last hundred steps.

    `then` is called with the number of every step that is told.
    """
    model.model.visual.requires_grad_(False)
    loss = _fit(model, lambda: document_loss(model, next(stream)), schedule, say, then)
    model.model.visual.requires_grad_(True)
    return loss


@torch.no_grad()
def looked_at(model: Qwen2VLForConditionalGeneration, pool: Pool) -> Looked:
    """The pool with what the tower makes of its images, which is computed once."""
    batches = [patchify(pool.images[i : i + AT_ONCE]) for i in range(0, len(pool.images), AT_ONCE)]
    tokens = [_tokens(model, pixels) for pixels in batches]
    return Looked(pool.asked, torch.cat(tokens).view(len(pool.images), IMAGE_TOKENS, -1))


def _tokens(model: Qwen2VLForConditionalGeneration, pixels: Tensor) -> Tensor:
    grid = torch.tensor([[1, GRID, GRID]] * (len(pixels) // GRID**2))
    tokens: Tensor = model.model.visual(pixels, grid_thw=grid).pooler_output
    return tokens


def document_loss(model: Qwen2VLForConditionalGeneration, batch: dict[str, Tensor]) -> Tensor:
    """Next-token loss of what is learned; a document weighs by its length's root, so that bare answers count too."""
    ids, weights, is_image = batch["input_ids"], batch["weights"][:, 1:], batch["mm_token_type_ids"] == 1
    words = model.get_input_embeddings()(ids).masked_scatter(is_image[..., None], batch["tokens"])
    hidden = model.model.language_model(
        inputs_embeds=words, attention_mask=batch["attention_mask"], position_ids=batch["position_ids"]
    ).last_hidden_state
    learned = weights > 0
    logits = model.lm_head(hidden[:, :-1][learned])
    losses = cross_entropy(logits, ids[:, 1:][learned], reduction="none")
    return (losses * weights[learned]).sum() / weights.sum()


def batches(
    model: Qwen2VLForConditionalGeneration,
    pool: Looked,
    mixture: Mixture,
    tokenizer: PreTrainedTokenizerFast,
    batch: int,
    seed: int,
) -> Iterator[dict[str, Tensor]]:
    """Endless batches; documents of eight batches are sorted by length, so that little is padded."""
    rng = random.Random(f"documents/{seed}")
    kinds, shares = list(mixture), list(accumulate(mixture.values()))
    window = 8 * batch
    queue: list[int] = []
    while True:
        while len(queue) < window:
            queue += rng.sample(range(len(pool.asked)), len(pool.asked))
        chosen, queue = queue[:window], queue[window:]
        drawn = [rng.choices(kinds, cum_weights=shares)[0](pool.asked[i], rng) for i in chosen]
        rows = [(i, *encode(document, tokenizer)) for i, document in zip(chosen, drawn, strict=True)]
        rows.sort(key=lambda row: len(row[1]))
        starts = list(range(0, window, batch))
        rng.shuffle(starts)
        for start in starts:
            yield collate(rows[start : start + batch], model, pool, tokenizer)


def encode(document: Document, tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], list[bool]]:
    """Token ids of a document, and which of them are learned from: those that begin in a text that is.

    The document is encoded as a whole, as prompts are, so that no token tells where its pieces meet.
    """
    pieces = [(text.replace("<|image_pad|>", "<|image_pad|>" * IMAGE_TOKENS), learn) for text, learn in document]
    by_letter = [learn for text, learn in pieces for _ in text]
    encoded = tokenizer("".join(text for text, _ in pieces), return_offsets_mapping=True)
    return encoded["input_ids"], [by_letter[begin] for begin, _ in encoded["offset_mapping"]]


def collate(
    rows: list[tuple[int, list[int], list[bool]]],
    model: Qwen2VLForConditionalGeneration,
    pool: Looked,
    tokenizer: PreTrainedTokenizerFast,
) -> dict[str, Tensor]:
    """A batch of documents about the pool's images, with their positions; a document without an image gets none."""
    width = max(len(ids) for _, ids, _ in rows)
    image_id = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    ids = torch.full((len(rows), width), tokenizer.pad_token_id)
    weights = torch.zeros((len(rows), width))
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for row, (_, tokens, learned) in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        weights[row, : len(tokens)] = torch.tensor(learned) / max(1, sum(learned)) ** 0.5
        mask[row, : len(tokens)] = 1
    shown = [i for i, tokens, _ in rows if image_id in tokens]
    kinds = (ids == image_id).long()
    positions = torch.arange(width).expand(3, len(rows), -1)
    if shown:
        grid = torch.tensor([[1, GRID, GRID]] * len(shown))
        positions, _ = model.model.get_rope_index(ids, kinds, grid, attention_mask=mask)
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "position_ids": positions,
        "weights": weights,
        "mm_token_type_ids": kinds,
        "tokens": pool.tokens[shown],
    }


def _fit(
    model: nn.Module,
    loss_of: Callable[[], Tensor],
    schedule: Schedule,
    say: Callable[[str], None],
    then: Callable[[int], None] | None,
) -> float:
    optimizers = _optimizers(model, schedule)
    schedulers = [torch.optim.lr_scheduler.LambdaLR(optimizer, schedule.factor) for optimizer in optimizers]
    model.train()
    losses: list[float] = []
    begun = time.monotonic()
    for step in range(1, schedule.steps + 1):
        loss = loss_of()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
        model.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if step % TOLD_EVERY == 0:
            seconds = (time.monotonic() - begun) / step
            left = seconds * (schedule.steps - step) / 60
            recent = np.mean(losses[-TOLD_EVERY:])
            say(f"step {step}/{schedule.steps}  loss {recent:.4f}  {seconds:.2f} s/step  {left:.0f} min left")
            if then:
                then(step)
    model.eval()
    return float(np.mean(losses[-TOLD_EVERY:]))


def _optimizers(model: nn.Module, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embeddings, biases and norms.

    With AdamW alone the model takes several times as many steps until it uses the image at all.
    """
    learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
    matrices = [p for name, p in learned.items() if p.ndim == 2 and not _embeds(name)]
    inner = {id(p) for p in matrices}
    others = [p for p in learned.values() if id(p) not in inner]
    return [
        Muon(matrices, schedule.matrix_learning_rate),
        torch.optim.AdamW(others, lr=schedule.learning_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def _embeds(name: str) -> bool:
    return "embed" in name or name == "names"
