"""How the tiny models learn: the loss is the model's own, on what is learned, and reading leaves the tower as it is."""

import random
from functools import cache

import pytest
import torch
from transformers import PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration

from visualzero.models.tiny.architecture import build_model, train_tokenizer
from visualzero.models.tiny.corpus import captioning, letters, looking, text_of, thinking
from visualzero.models.tiny.pools import GRID, Pool, build_pool, patchify
from visualzero.models.tiny.pretrain import (
    Looked,
    Schedule,
    batches,
    collate,
    document_loss,
    encode,
    learn_to_read,
    learn_to_see,
    looked_at,
)
from visualzero.models.tiny.thoughts import BEGINS
from visualzero.prompts import render

MIXTURE = {captioning: 0.4, looking: 0.3, thinking: 0.2, letters: 0.1}
Model = Qwen2VLForConditionalGeneration


@cache
def made() -> tuple[Model, PreTrainedTokenizerFast, Pool, Looked]:
    pool = build_pool("pretrain", 16, 0, 1)
    rng = random.Random(0)
    kinds = list(MIXTURE)
    texts = ["".join(text for text, _ in kinds[i % 4](one, rng)) for i, one in enumerate(pool.asked)]
    tokenizer = train_tokenizer(texts)
    torch.manual_seed(0)
    model = build_model(tokenizer)
    return model, tokenizer, pool, looked_at(model, pool)


def test_the_loss_of_a_document_is_the_models_own() -> None:
    model, tokenizer, pool, looked = made()
    ids, learned = encode(thinking(pool.asked[1], random.Random(3)), tokenizer)
    ours = document_loss(model, collate([(1, ids, learned)], model, looked, tokenizer))
    labels = torch.tensor([[token if learn else -100 for token, learn in zip(ids, learned, strict=True)]])
    inputs = torch.tensor([ids])
    kinds = (inputs == tokenizer.convert_tokens_to_ids("<|image_pad|>")).long()
    theirs = model(
        input_ids=inputs,
        mm_token_type_ids=kinds,
        pixel_values=patchify(pool.images[[1]]),
        image_grid_thw=torch.tensor([[1, GRID, GRID]]),
        labels=labels,
    ).loss
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)


@pytest.mark.parametrize("task", range(4))
def test_a_document_begins_with_the_tokens_of_its_prompt(task: int) -> None:
    """So that what is asked of a model later, and of its measures, is what it has read."""
    _, tokenizer, pool, _ = made()
    asked = pool.asked[task]
    prompt = f"{render('r1_zero', text_of(asked))} {BEGINS}"
    documents = (thinking(asked, random.Random(seed)) for seed in range(200))
    looks = [document for document in documents if "".join(text for text, _ in document).startswith(prompt)]
    assert looks
    for document in looks:
        ids, learned = encode(document, tokenizer)
        expected, _ = encode([(prompt, False)], tokenizer)
        assert ids[: len(expected)] == expected
        assert tokenizer.decode([token for token, learn in zip(ids, learned, strict=True) if learn]).startswith(" Seen")


def test_a_batch_is_the_mean_of_its_documents_by_the_roots_of_their_lengths() -> None:
    model, tokenizer, pool, looked = made()
    rows = [(i, *encode(kind(pool.asked[i], random.Random(i)), tokenizer)) for i, kind in ((0, letters), (1, looking))]
    with torch.no_grad():
        each = [document_loss(model, collate([row], model, looked, tokenizer)).item() for row in rows]
        together = document_loss(model, collate(rows, model, looked, tokenizer)).item()
    roots = [sum(learned) ** 0.5 for _, _, learned in rows]
    mean = sum(loss * root for loss, root in zip(each, roots, strict=True)) / sum(roots)
    assert together == pytest.approx(mean, abs=1e-5)


def test_batches_are_the_same_from_a_seed_and_others_from_another() -> None:
    model, tokenizer, _, looked = made()
    first, again, other = (
        next(batches(model, looked, MIXTURE, tokenizer, 2, seed))["input_ids"].tolist() for seed in (0, 0, 1)
    )
    assert first == again != other


def test_sight_learns_in_the_tower_and_reading_leaves_it_as_it_is() -> None:
    _, tokenizer, pool, _ = made()
    torch.manual_seed(0)
    model = build_model(tokenizer)
    tower = model.model.visual
    before = tower.patch_embed.proj.weight.clone()
    schedule = Schedule(steps=2, batch=4, learning_rate=1e-3, matrix_learning_rate=1e-3, warmup=1)
    learn_to_see(model, pool, schedule, 0, lambda line: None)
    after = tower.patch_embed.proj.weight.clone()
    assert not torch.equal(before, after)
    looked = looked_at(model, pool)
    words = model.get_input_embeddings().weight.norm(dim=-1).mean()
    assert looked.tokens.norm(dim=-1).mean().item() == pytest.approx(3 * words.item(), rel=0.3)
    learn_to_read(model, batches(model, looked, MIXTURE, tokenizer, 4, 0), schedule, lambda line: None)
    assert torch.equal(after, tower.patch_embed.proj.weight)
    assert all(parameter.requires_grad for parameter in tower.parameters())


def test_the_rate_of_learning_rises_stays_and_falls() -> None:
    schedule = Schedule(steps=100, batch=1, learning_rate=1.0, matrix_learning_rate=1.0, warmup=10, falling=0.5)
    assert [schedule.factor(step) for step in (0, 9, 50)] == [0.1, 1.0, 1.0]
    assert schedule.factor(75) == pytest.approx(0.5)
    assert schedule.factor(99) == 0.05
