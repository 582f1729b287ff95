"""What n samples of answers to a question cost: n calls of `generate`, one call with n rows, and ours; CPU seconds.

    python benchmarks/sampling.py                     4 questions of the demo's kind, 32 samples each
    python benchmarks/sampling.py --questions 1       a look

The separate calls encode the image and compute the prompt each time; one call with n rows does so n times at once. Ours
computes both once for all samples (visualzero/causes/drawing.py).
"""

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from visualzero.causes.drawing import draw
from visualzero.config import Evaluate, Sampling
from visualzero.data.question import read_questions, write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.evaluation.answering.asking import Asked, ask
from visualzero.evaluation.answering.preparing import prepare
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor, load_processor

PIXELS = (3136, 12544)


def generated(batch: list[Asked], weights: Path, processor: ImageProcessor, tokens: int, calls: int, rows: int) -> int:
    """Tokens of `calls` calls of `generate` with `rows` rows for each question."""
    model, made = load_model(weights, "float32"), 0
    for one in batch:
        for _ in range(calls):
            inputs = prepare([one] * rows, processor)
            output = model.generate(
                **inputs, do_sample=True, top_k=0, max_new_tokens=tokens, pad_token_id=processor.tokenizer.pad_token_id
            )
            new = output[:, inputs["input_ids"].shape[1] :]
            made += int((new != processor.tokenizer.pad_token_id).sum())
    return made


def measure(work: Callable[[], int]) -> tuple[float, int]:
    """CPU seconds, and tokens."""
    begun = time.process_time()
    tokens = work()
    return time.process_time() - begun, tokens


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/tiny-base"), help="default: %(default)s")
    parser.add_argument("--prompt", default="r1_zero", help="prompt style (default: %(default)s)")
    parser.add_argument("--questions", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--samples", type=int, default=32, help="default: %(default)s")
    parser.add_argument("--max-new-tokens", type=int, default=96, help="default: %(default)s")
    options = parser.parse_args()

    torch.set_num_threads(1)
    processor = load_processor(options.model, options.prompt, *PIXELS)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "questions.parquet"
        write_questions(toyspace_rows("bench", -(-options.questions // 4) * 4, 3), table)
        batch = ask(read_questions(table).iloc[: options.questions], processor, "lettered")
    n, most = options.samples, options.max_new_tokens
    settings = Evaluate(max_new_tokens=most, batch_size=len(batch), dtype="float32", threads=1)

    def ours() -> int:
        [drawn] = draw([[batch]], options.model, processor, settings, Sampling(samples=n), "base/untrained")
        return sum(sum(one["n_tokens"]) for one in drawn)

    ways: dict[str, Callable[[], int]] = {
        f"{n} calls of generate": lambda: generated(batch, options.model, processor, most, n, 1),
        f"a call with {n} rows": lambda: generated(batch, options.model, processor, most, 1, n),
        "ours": ours,
    }
    draw_once = [list(draw([[batch[:1]]], options.model, processor, settings, Sampling(samples=2), "warm"))]
    assert draw_once
    found = {name: measure(way) for name, way in ways.items()}
    print(f"{len(batch)} questions, {n} samples each, at most {most} tokens; {platform.machine()}, one thread")
    for name, (seconds, tokens) in found.items():
        ratio = found["ours"][0] / seconds
        print(f"{name:22} {seconds:7.1f} s CPU {tokens:7} tokens   ours takes {ratio:.3f} of it")


if __name__ == "__main__":
    main()
