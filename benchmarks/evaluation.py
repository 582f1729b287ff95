"""How long an evaluation takes: the loop of the paper's script and ours, on the same model, questions and machine.

    python benchmarks/evaluation.py                    2638 questions, as many as CV-Bench has
    python benchmarks/evaluation.py --questions 200    a look

The script (turningpoint-ai/VisualThinker-R1-Zero, src/eval) decodes every image first, then takes eight questions at a
time in their order: the processor's call, `model.generate`, decoding. Here it runs without a GPU's bfloat16 and flash
attention, like ours. Both have to give the same responses.
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from visualzero.config import Evaluate
from visualzero.data.question import read_questions, write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.evaluation.answering.asking import Answer, Asked, ask, batches_of
from visualzero.evaluation.answering.transformers_engine import answer, answers, stop_tokens
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor, load_processor

OFFICIAL_BATCH = 8
PIXELS = (3136, 12544)


@dataclass(frozen=True)
class Measured:
    """Seconds on the clock, seconds of CPU time, and what came out, by question."""

    seconds: float
    cpu: float
    given: dict[str, Answer]

    @property
    def tokens(self) -> int:
        """Tokens of all responses."""
        return sum(answer["n_tokens"] for answer in self.given.values())


def official(asked: list[Asked], weights: Path, processor: ImageProcessor, settings: Evaluate) -> Iterator[Answer]:
    """The script's loop."""
    torch.set_num_threads(settings.threads)
    model = load_model(weights, settings.dtype).to("cuda" if torch.cuda.is_available() else "cpu")
    ends = stop_tokens(model.generation_config.eos_token_id, processor)
    images = [one.picture() for one in asked]
    for start in range(0, len(asked), OFFICIAL_BATCH):
        part = slice(start, start + OFFICIAL_BATCH)
        text = [one.prompt for one in asked[part]]
        inputs = processor(text=text, images=images[part], padding=True, return_tensors="pt", add_special_tokens=False)
        output = model.generate(
            **inputs.to(model.device),
            do_sample=False,
            max_new_tokens=settings.max_new_tokens,
            eos_token_id=sorted(ends),
            pad_token_id=processor.tokenizer.pad_token_id,
        )
        for row in output[:, inputs["input_ids"].shape[1] :].tolist():
            stop = next((k for k, token in enumerate(row, 1) if token in ends), None)
            yield answer(row[:stop], ends, processor)


def ours(asked: list[Asked], weights: Path, processor: ImageProcessor, settings: Evaluate) -> Iterator[Answer]:
    """The batches of the evaluate stage, in the order of the questions again."""
    batches = batches_of(asked, processor, settings.window)
    given = answers(batches, weights, processor, settings)
    found = {one.id: a for batch, some in zip(batches, given, strict=True) for one, a in zip(batch, some, strict=True)}
    return iter([found[one.id] for one in asked])


def measure(loop: Callable[..., Iterator[Answer]], asked: list[Asked], *arguments: object) -> Measured:
    """Run a loop over all questions."""
    seconds, cpu = time.perf_counter(), time.process_time()
    given = {one.id: answer for one, answer in zip(asked, loop(asked, *arguments), strict=True)}
    return Measured(time.perf_counter() - seconds, time.process_time() - cpu, given)


def questions(n: int, processor: ImageProcessor) -> list[Asked]:
    """The first n of the demo's kind of bench questions."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "questions.parquet"
        write_questions(toyspace_rows("bench", -(-n // 4) * 4, 3), table)
        return ask(read_questions(table).iloc[:n], processor, "lettered")


def main() -> None:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/tiny-base"), help="default: %(default)s")
    parser.add_argument("--prompt", default="r1_zero", help="prompt style (default: %(default)s)")
    parser.add_argument("--questions", type=int, default=2638, help="default: %(default)s")
    parser.add_argument("--batch-size", default="auto", help="of ours, a number or auto (default: %(default)s)")
    parser.add_argument("--max-new-tokens", type=int, default=96, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    options = parser.parse_args()

    size = options.batch_size if options.batch_size == "auto" else int(options.batch_size)
    settings = Evaluate(
        max_new_tokens=options.max_new_tokens, batch_size=size, dtype="float32", threads=options.threads
    )
    processor = load_processor(options.model, options.prompt, *PIXELS)
    asked = questions(options.questions, processor)
    rest = (options.model, processor, settings)
    for loop in (official, ours):
        measure(loop, asked[:OFFICIAL_BATCH], *rest)  # warm up
    theirs, mine = measure(official, asked, *rest), measure(ours, asked, *rest)

    different = [name for name, answer in theirs.given.items() if mine.given[name] != answer]
    for name in different:
        print(json.dumps({"id": name, "script": theirs.given[name], "ours": mine.given[name]}))
    assert not different, f"{len(different)} of {len(asked)} responses differ"
    where = f"{platform.machine()}, {options.threads} thread(s)"
    print(f"{len(asked)} questions, {theirs.tokens} tokens, the same responses; {where}")
    for name, it in (("the script's loop, batch 8", theirs), (f"ours, batch {settings.batch_size}", mine)):
        print(f"{name:27} {it.seconds:7.1f} s {it.cpu:7.1f} s CPU {it.tokens / it.seconds:7.0f} tokens/s")
    print(f"{'ratio':27} {theirs.seconds / mine.seconds:7.2f}   {theirs.cpu / mine.cpu:7.2f}")


if __name__ == "__main__":
    main()
