"""Make both tiny checkpoints from a seed, measure them, and describe them.

`snakemake tiny_models` takes about an hour and a quarter on two cores; the results are kept in the repository.
"""

import random
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration

from visualzero.data.toyspace.questions import TASKS, Asked
from visualzero.errors import UserError
from visualzero.fingerprint import fingerprint
from visualzero.manifest import hardware, sha256, write_manifest
from visualzero.memory import keep_freed_memory
from visualzero.models.tiny.architecture import build_model, train_tokenizer
from visualzero.models.tiny.corpus import answering, captioning, chat, description, letters, looking, thinking
from visualzero.models.tiny.measure import Examined, Measure, measure_base, measure_instruct
from visualzero.models.tiny.pools import Pool, build_pool
from visualzero.models.tiny.pretrain import Looked, Mixture, Schedule, batches, learn_to_read, learn_to_see, looked_at
from visualzero.progress import say

THREADS = 2  # fixed, so that the same seed gives the same weights
SCENES, SIMPLE_SCENES, CHAT_SCENES, VALIDATION_SCENES = 32_000, 4_000, 12_000, 1_000
SIGHT = Schedule(steps=2400, batch=32, learning_rate=1e-3, matrix_learning_rate=3e-3)
# Places come before questions, of one or two objects first: a model that reads questions at once learns their words and
# not to look.
SIMPLE_STEPS, CAPTION_STEPS, DESCRIBING_STEPS, READING_STEPS = 300, 1300, 600, 4400
CAPTIONING: Mixture = {captioning: 1.0}
DESCRIBING: Mixture = {description: 0.53, looking: 0.35, letters: 0.12}
READING: Mixture = {description: 0.13, looking: 0.2, letters: 0.12, thinking: 0.3, answering: 0.25}
CHATTING: Mixture = {chat: 1.0}
STEPS = SIMPLE_STEPS + CAPTION_STEPS + DESCRIBING_STEPS + READING_STEPS
BASE = Schedule(STEPS, batch=32, learning_rate=1e-3, matrix_learning_rate=3e-3)
CHAT = Schedule(steps=600, batch=32, learning_rate=3e-4, matrix_learning_rate=1e-3)
MEASURED_EVERY = 1000  # steps, on a fifth of the questions

ABOUT = {
    "base": "Trained to see by naming objects and their places, and then on descriptions of rendered scenes and on "
    "questions with guesses, looks and second looks in many forms: it can see and reason, and rarely shows it.",
    "instruct": "tiny-base after chat tuning on short answers. One in five of its examples asks it to think first and "
    "is answered with a short, empty thought.",
}


def build_tiny_models(out: Path, seed: int) -> None:
    """Write `out/tiny-base` and `out/tiny-instruct`: weights in float16, tokenizer, model card, manifest.

    Raises:
        UserError: if a model misses a measure; it is not written then.
    """
    torch.set_num_threads(THREADS)
    keep_freed_memory()
    torch.use_deterministic_algorithms(True)
    say(f"rendering {SCENES} scenes")
    pool = build_pool("pretrain", SCENES, seed, THREADS)
    validation = build_pool("validation", VALIDATION_SCENES, seed, THREADS)
    tokenizer = train_tokenizer(_sample_texts(pool.asked, seed))
    torch.manual_seed(seed)
    model = build_model(tokenizer)
    begun = time.monotonic()
    say(f"tiny-base learns to see: {SIGHT.steps} steps")
    learn_to_see(model, pool, SIGHT, seed, say)
    say(f"tiny-base learns to read: {BASE.steps} steps")
    simple = looked_at(model, build_pool("pretrain", SIMPLE_SCENES, seed, THREADS, simple=True))
    stream = documents(model, simple, looked_at(model, pool), tokenizer, seed)
    loss = learn_to_read(model, stream, BASE, say, _now_and_then(model, tokenizer, validation, measure_base))
    measured = measured_or_refused("tiny-base", measure_base(Examined(model, tokenizer, validation)))
    _save(model, tokenizer, out, "base", BASE, SCENES, seed, loss, time.monotonic() - begun, measured)

    pool = build_pool("instruct", CHAT_SCENES, seed, THREADS)
    model = Qwen2VLForConditionalGeneration.from_pretrained(out / "tiny-base", dtype=torch.float32)
    begun = time.monotonic()
    say(f"tiny-instruct learns to chat: {CHAT.steps} steps")
    seen = looked_at(model, pool)
    loss = learn_to_read(model, batches(model, seen, CHATTING, tokenizer, CHAT.batch, seed), CHAT, say)
    measured = measured_or_refused("tiny-instruct", measure_instruct(Examined(model, tokenizer, validation)))
    _save(model, tokenizer, out, "instruct", CHAT, CHAT_SCENES, seed, loss, time.monotonic() - begun, measured)


def documents(
    model: Qwen2VLForConditionalGeneration, simple: Looked, pool: Looked, tokenizer: PreTrainedTokenizerFast, seed: int
) -> Iterator[dict[str, Tensor]]:
    """What the base reads, in its order."""
    phases = (
        (simple, CAPTIONING, SIMPLE_STEPS),
        (pool, CAPTIONING, CAPTION_STEPS),
        (pool, DESCRIBING, DESCRIBING_STEPS),
        (pool, READING, READING_STEPS),
    )
    return chain.from_iterable(
        islice(batches(model, seen, mixture, tokenizer, BASE.batch, seed + phase), steps)
        for phase, (seen, mixture, steps) in enumerate(phases)
    )


def measure_tiny_models(folder: Path, questions: int, seed: int) -> None:
    """Print the measures of both models of a folder, on so many validation questions.

    Raises:
        UserError: if the folder has no such models, no question is asked, or a measure is missed.
    """
    if questions < len(TASKS):
        raise UserError(f"--questions {questions}: too few: ask at least one of each task ({len(TASKS)})")
    for name in ("tiny-base", "tiny-instruct"):
        if not (folder / name / "config.json").is_file():
            raise UserError(f"{folder / name}: no model there: --models takes the folder that holds both")
    pool = build_pool("validation", questions, seed, THREADS)
    missed = []
    for name, measures in (("tiny-base", measure_base), ("tiny-instruct", measure_instruct)):
        model = Qwen2VLForConditionalGeneration.from_pretrained(folder / name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(folder / name, padding_side="left")
        for measure in measures(Examined(model, tokenizer, pool, seed)):
            print(f"{name}: {measure}")
            missed += [f"{name}: {measure.name}"] if measure.missed else []
    if missed:
        raise UserError(f"{folder}: misses {', '.join(missed)}: build them anew: snakemake tiny_models")


def measured_or_refused(name: str, measures: list[Measure]) -> list[Measure]:
    """Tell the measures; raise if one of them is missed."""
    for measure in measures:
        say(f"{name}: {measure}")
    if missed := [measure.name for measure in measures if measure.missed]:
        raise UserError(f"{name}: misses {', '.join(missed)}: train longer, or on other documents (docs/toyspace.md)")
    return measures


def _now_and_then(
    model: Qwen2VLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    pool: Pool,
    measures: Callable[[Examined], list[Measure]],
) -> Callable[[int], None]:
    """What tells the measures on a fifth of the questions, every so many steps."""
    some = Pool(pool.asked[: len(pool.asked) // 5], pool.images[: len(pool.asked) // 5])

    def tell(step: int) -> None:
        if step % MEASURED_EVERY == 0 and step > STEPS - READING_STEPS:
            model.eval()
            for measure in measures(Examined(model, tokenizer, some)):
                say(f"after {step} steps: {measure}")
            model.train()

    return tell


def _sample_texts(asked: list[Asked], seed: int) -> list[str]:
    """What the tokenizer is trained on: all kinds of base documents and, for ChatML's words, some chats."""
    rng = random.Random(f"tokenizer/{seed}")
    kinds = (description, letters, thinking, answering, looking)
    documents = [kinds[i % len(kinds)](one, rng) for i, one in enumerate(asked[:3000])]
    documents += [chat(one, rng) for one in asked[:750]]
    return ["".join(text for text, _ in document) for document in documents]


def _save(
    model: Qwen2VLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    out: Path,
    name: str,
    schedule: Schedule,
    scenes: int,
    seed: int,
    loss: float,
    seconds: float,
    measures: list[Measure],
) -> None:
    folder = out / f"tiny-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Rounded to half precision for the repository; training and evaluation load it in the precision they run in.
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    parameters = sum(p.numel() for p in model.parameters())
    (folder / "README.md").write_text(
        CARD.format(
            name=name,
            about=ABOUT[name],
            parameters=f"{parameters / 1e6:.2f} million",
            scenes=scenes,
            split="pretrain" if name == "base" else "instruct",
            training=TRAINING.format(schedule=schedule),
            seed=seed,
            validation=VALIDATION_SCENES,
            loss=f"{loss:.4f}",
            minutes=f"{seconds / 60:.0f}",
            measures="\n".join(f"- {measure}" for measure in measures),
            cpu=hardware()["cpu"],
            digest=sha256(folder / "model.safetensors"),
        ),
        encoding="utf-8",
    )
    code = fingerprint({"seed": seed}, ["models.tiny.build"])
    write_manifest(folder / "manifest.json", [p for p in folder.iterdir() if p.name != "README.md"], code, seed=seed)
    say(f"{folder}: loss {loss:.4f}, {seconds / 60:.0f} minutes")


TRAINING = (
    "{schedule.steps} steps of {schedule.batch} documents with Muon ({schedule.matrix_learning_rate:g}) and AdamW "
    "({schedule.learning_rate:g})"
)
CARD = """---
library_name: transformers
pipeline_tag: image-text-to-text
license: apache-2.0
tags: [qwen2_vl, tiny, visualzero]
---

# tiny-{name}

{about} It plays the part of a hub checkpoint at visualzero's demo scale and is of no other use.

| | |
|---|---|
| architecture | `Qwen2VLForConditionalGeneration`, {parameters} parameters, float16 |
| images | 112 x 112 pixels, 16 visual tokens |
| data | toyspace, split `{split}`: {scenes} rendered scenes with captions and questions |
| training | {training} |
| final loss | {loss} |
| seed | {seed} |
| time | {minutes} minutes on two threads ({cpu}) |
| sha256 of model.safetensors | `{digest}` |

Measured on {validation} validation scenes, shares with 95 % intervals (`visualzero tiny-measure`):

{measures}

Made by `snakemake tiny_models`.
"""
