"""Greedy responses to a benchmark: batched, left-padded, sorted by length, resumable.

The batches are fixed before the first one runs, and a finished batch is appended to the partial file in `work`. Killed
at any point, the next attempt does the missing batches, so the result is the same bytes as without the interruption.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from transformers import Qwen2VLForConditionalGeneration

from visualzero.config import Evaluate
from visualzero.data.question import decode_image
from visualzero.manifest import atomic
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor
from visualzero.progress import Progress
from visualzero.prompts import Options, question_text, user_message


@dataclass(frozen=True)
class Job:
    """Who answers what: `labels` (run, arm, seed, benchmark, prompt) go into every row."""

    labels: dict[str, Any]
    options: Options
    settings: Evaluate


def predict(job: Job, weights: Path, processor: ImageProcessor, questions: pd.DataFrame, out: Path, work: Path) -> None:
    """Write one prediction row per question to `out` (JSONL, in the questions' order).

    `work` is this job's own folder of resume state.
    """
    torch.set_num_threads(job.settings.threads)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    prompts = [_prompt(row, processor, job.options) for row in questions.itertuples()]
    order = sorted(range(len(prompts)), key=lambda i: (len(processor.tokenizer.encode(prompts[i])), i))
    size = job.settings.batch_size
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    work.mkdir(parents=True, exist_ok=True)
    partial = work / "responses.jsonl"
    rows = _finished(partial)
    progress = Progress(f"{job.labels['run']} on {job.labels['benchmark']}", len(batches), "batch")
    model = None
    with partial.open("a", encoding="utf-8") as file:
        for done, batch in enumerate(batches, 1):
            if all(questions["id"].iloc[i] in rows for i in batch):
                continue
            model = model or _on_device(load_model(weights, job.settings.dtype))
            chosen = questions.iloc[batch]
            answers = generate(model, processor, chosen, [prompts[i] for i in batch], job.settings.max_new_tokens)
            made = [
                {**job.labels, "id": row.id, "prompt_sha": _digest(prompts[i]), **answer, "engine": "transformers"}
                for i, row, answer in zip(batch, chosen.itertuples(), answers, strict=True)
            ]
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in made)
            file.flush()
            rows |= {row["id"]: row for row in made}
            progress.update(done)
    with atomic(out) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(rows[name], ensure_ascii=False) + "\n" for name in questions["id"])
    partial.unlink()


@torch.inference_mode()
def generate(
    model: Qwen2VLForConditionalGeneration,
    processor: ImageProcessor,
    questions: pd.DataFrame,
    prompts: list[str],
    max_new_tokens: int,
) -> Iterator[dict[str, Any]]:
    """Greedy responses to a batch: response, n_tokens (end-of-text not counted), finish_reason."""
    tokenizer = processor.tokenizer
    assert tokenizer.padding_side == "left", "batched generation needs padding on the left"
    images = [decode_image(row.image, row.id) for row in questions.itertuples()]
    inputs = processor(images=images, text=prompts, padding=True, return_tensors="pt", add_special_tokens=False)
    ends = model.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
    output = model.generate(
        **inputs.to(model.device),
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=sorted(ends),
        pad_token_id=tokenizer.pad_token_id,
    )
    for tokens in output[:, inputs["input_ids"].shape[1] :].tolist():
        stop = next((k for k, token in enumerate(tokens) if token in ends), None)
        yield {
            "response": tokenizer.decode(tokens[:stop], skip_special_tokens=True),
            "n_tokens": len(tokens) if stop is None else stop,
            "finish_reason": "length" if stop is None else "stop",
        }


def _prompt(row: Any, processor: ImageProcessor, options: Options) -> str:
    text = question_text(row.question, list(row.choices), options)
    return processor.apply_chat_template([user_message(text)], tokenize=False, add_generation_prompt=True)


def _digest(prompt: str) -> str:
    return hashlib.sha256(prompt.encode()).hexdigest()[:16]


def _finished(partial: Path) -> dict[str, dict[str, Any]]:
    """Rows of an earlier attempt by id; a last line that was cut off is dropped, in the file too."""
    if not partial.exists():
        return {}
    rows: dict[str, dict[str, Any]] = {}
    whole = 0
    with partial.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            row = json.loads(line)
            rows[row["id"]] = row
            whole += len(line)
    with partial.open("rb+") as file:
        file.truncate(whole)
    return rows


def _on_device(model: Qwen2VLForConditionalGeneration) -> Qwen2VLForConditionalGeneration:
    return model.to("cuda" if torch.cuda.is_available() else "cpu")
