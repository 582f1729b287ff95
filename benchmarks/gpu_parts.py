"""The parts of benchmarks/gpu.py, each of which yields figures as it comes to them."""

import io
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import transformers
from clocks import clock_of
from gpu_attention import attention
from grpo_geometry import GEOMETRIES, PIXELS, STYLE, Geometry, questions, save_model
from grpo_trainers import TRAINERS, Run
from PIL import Image
from torch import Tensor
from transformers import GenerationConfig

from evaluation import official, ours
from groupshare import log_probs, question_of, stream_of
from groupshare.attention import install
from groupshare.caches import Lines
from groupshare.choosing import Choice
from groupshare.cohorts import Cohort, Luck, Room
from groupshare.decoding import Decoder
from groupshare.questions import Question
from groupshare.rollout import STRIDE, sampler, settings_of
from visualzero.config import Evaluate
from visualzero.data.question import read_questions, write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.evaluation.answering.asking import Asked, ask
from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor

GROUP = 8


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    device: str
    geometry: Geometry
    prompts: list[int]  # tokens of prompts that attention is measured at
    rows: list[int]  # that are decoded at a time
    tokens: tuple[int, int]  # of completions, where the difference is what is timed
    questions: int  # that ours answers; the script's loop answers an eighth
    answer: int  # tokens of an answer
    steps: int

    @classmethod
    def full(cls) -> "Sizes":
        """Qwen2-VL-2B on a GPU."""
        return cls("cuda", GEOMETRIES["full"], [512, 1024, 4096], [8, 64, 256], (16, 144), 256, 64, 3)

    @classmethod
    def small(cls) -> "Sizes":
        """To rehearse on a CPU."""
        geometry = replace(GEOMETRIES["paper"], height=56, width=56, new_tokens=12)
        return cls("cpu", geometry, [24, 48], [8, 16], (4, 12), 16, 6, 1)

    def save_model(self, folder: Path) -> None:
        """The model that the parts load."""
        save_model(self.geometry, folder)


def run_part(name: str, sizes: Sizes, folder: Path) -> Iterator[dict[str, Any]]:
    """A part's figures."""
    torch.manual_seed(0)
    return PARTS[name](sizes, folder)


def machine(sizes: Sizes, folder: Path) -> Iterator[dict[str, Any]]:
    """What the card does at best: a large matrix product and a large copy."""
    cuda = sizes.device == "cuda"
    name = torch.cuda.get_device_name() if cuda else platform.machine()
    yield {"device": name, "torch": torch.__version__, "transformers": transformers.__version__}
    n, dtype = (8192, torch.bfloat16) if cuda else (512, torch.float32)
    a, b = (torch.randn(n, n, device=sizes.device).to(dtype) for _ in range(2))
    yield {"matrix_tflops": 2 * n**3 / _seconds(lambda: a @ b, sizes.device, 10) / 1e12}
    source = torch.randn(2**28 if cuda else 2**20, device=sizes.device)
    target = torch.empty_like(source)
    moved = 2 * source.numel() * source.itemsize
    yield {"copy_tb_per_s": moved / _seconds(lambda: target.copy_(source), sizes.device, 10) / 1e12}


def kernels(sizes: Sizes, folder: Path) -> Iterator[dict[str, Any]]:
    """Attention, see gpu_attention.py."""
    return attention(sizes.device, sizes.prompts, sizes.geometry.new_tokens)


def decoding(sizes: Sizes, folder: Path) -> Iterator[dict[str, Any]]:
    """Milliseconds of a token step: ours recorded and launched, groups and single rows, and transformers' generate."""
    model = load_model(folder, "bfloat16" if sizes.device == "cuda" else "float32").to(sizes.device)
    processor = load_processor(folder, STYLE, *PIXELS)
    row = questions(sizes.geometry, 1)[0]
    install(model)
    few, many = sizes.tokens
    never = [processor.image_token_id, processor.video_token_id, *_ends(model)]
    sampled: dict[str, Any] = {"do_sample": True, "top_k": 0, "pad_token_id": 0, "suppress_tokens": never}
    for rows in sizes.rows:
        asked = [question for _ in range(rows // GROUP) for question in [question_of(model, processor, row)] * GROUP]

        def groups(tokens: int, recorded: bool, asked: list[Question] = asked) -> Callable[[], None]:
            given = GenerationConfig(
                do_sample=True, max_new_tokens=tokens, top_k=0, pad_token_id=0, suppress_tokens=never
            )

            def decode() -> None:
                decoder = sampler(model, settings_of(model, given), Room(), STRIDE, log_probs=True)
                _drain(decoder, Cohort.of(asked, Luck(model.device)), recorded)

            return decode

        def lines(tokens: int, recorded: bool, asked: list[Question] = asked) -> Callable[[], None]:
            def decode() -> None:
                def cache(at_most: int, fixed: bool) -> Lines:
                    return Lines(at_most, tokens, fixed)

                decoder = Decoder(model, cache, Choice([], tokens), Room(), STRIDE, 4096)
                _drain(decoder, Cohort.of(asked), recorded)

            return decode

        def generate(tokens: int, _: bool, rows: int = rows, question: Question = asked[0]) -> Callable[[], None]:
            given = _rows_of(question, rows)
            return lambda: model.generate(**given, max_new_tokens=tokens, **sampled)

        cuda = sizes.device == "cuda"
        ways = {"groups, recorded": (groups, True), "groups, launched": (groups, False)}
        ways |= {"rows, recorded": (lines, True), "generate": (generate, False)}
        for name, (way, recorded) in ways.items():
            short = few + 16 if name in ("groups, launched", "generate") and cuda else many
            yield {"way": name, "rows": rows, **_per_token(way, few, short, recorded, sizes.device)}


def evaluation(sizes: Sizes, folder: Path) -> Iterator[dict[str, Any]]:
    """Prompts answered in a second, `answer` tokens each: the script's loop of eight, and ours; without the loading."""
    processor = load_processor(folder, STYLE, *PIXELS)
    dtype = "bfloat16" if sizes.device == "cuda" else "float32"
    loading = _seconds(lambda: load_model(folder, dtype).to(sizes.device), sizes.device)
    yield {"loading": loading}
    for name, loop, n in (("ours", ours, sizes.questions), ("script", official, sizes.questions // 8)):
        size: Any = "auto" if name == "ours" else 8
        settings = Evaluate(max_new_tokens=sizes.answer, batch_size=size, dtype=dtype, threads=8)
        asked = _asked(sizes.geometry, n, processor)
        list(loop(asked[:8], folder, processor, settings))  # to warm up
        begun = time.perf_counter()
        answers = list(loop(asked, folder, processor, settings))
        seconds = time.perf_counter() - begun - loading
        tokens = sum(answer["n_tokens"] for answer in answers)
        yield {"loop": name, "prompts": n, "seconds": seconds, "prompts_per_s": n / seconds, "tokens": tokens}


def agreement(sizes: Sizes, folder: Path) -> Iterator[dict[str, Any]]:
    """One group at full size: log-probabilities and gradients of shared and of padded rows, in two precisions."""
    processor = load_processor(folder, STYLE, *PIXELS)
    lengths = [sizes.geometry.new_tokens // k for k in (1, 2, 3, 4)]
    found: dict[str, tuple[Tensor, list[Tensor]]] = {}
    dtypes = ["float32", "bfloat16"] if sizes.device == "cuda" else ["float32"]
    for dtype in dtypes:
        model = load_model(folder, dtype).to(sizes.device)
        install(model)
        question = question_of(model, processor, questions(sizes.geometry, 1)[0])
        draw = torch.Generator().manual_seed(0)
        completions = [torch.randint(50, 400, (n,), generator=draw).to(sizes.device) for n in lengths]
        for name, way in (("rows", _by_rows), ("shared", _by_stream)):
            begun = time.perf_counter()
            logs = way(model, question, completions)
            slopes = torch.autograd.grad(logs.mean(), list(model.parameters()), allow_unused=True)
            some = [slope.float().cpu() for slope in slopes if slope is not None][::40]
            found[f"{name}, {dtype}"] = logs.detach().float().cpu(), some
            yield {"way": f"{name}, {dtype}", "seconds": time.perf_counter() - begun}
        del model, slopes, logs
        if sizes.device == "cuda":
            torch.cuda.empty_cache()
    true, true_slopes = found["rows, float32"]
    for name, (logs, slopes) in found.items():
        apart = max(float((a - b).norm() / b.norm()) for a, b in zip(slopes, true_slopes, strict=True))
        yield {"of": name, "mean_nats": float((logs - true).abs().mean()), "gradient": apart}


def steps(trainer: str, prompts: int | None = None) -> Callable[[Sizes, Path], Iterator[dict[str, Any]]]:
    """Whole steps of a trainer of benchmarks/grpo_trainers.py."""

    def part(sizes: Sizes, folder: Path) -> Iterator[dict[str, Any]]:
        geometry = replace(sizes.geometry, prompts=prompts or sizes.geometry.prompts)
        n = sizes.steps if trainer == "ours" else 1
        measured = TRAINERS[trainer](Run(geometry, folder, n, sizes.device, clock_of(sizes.device)))
        for step in measured.steps:
            yield {"trainer": trainer, "prompts": geometry.prompts, **step}
        yield {
            "trainer": trainer,
            "prompts": geometry.prompts,
            "median_step": median(step["step"] for step in measured.steps),
            "median_update": median(step["update"] for step in measured.steps),
            "peak_mib": measured.peak,
            "completion": measured.completion,
            "loss": measured.loss,
        }

    return part


def vllm(sizes: Sizes, folder: Path) -> Iterator[dict[str, Any]]:
    """TRL with vLLM for its rollouts, where vLLM is installed."""
    try:
        import vllm as engine
    except ImportError:
        yield {"not run": "vllm is not installed"}
        return
    yield {"not run": f"vllm {engine.__version__} is there: benchmarks/grpo.py has no trainer for it yet"}


PARTS: dict[str, Callable[[Sizes, Path], Iterator[dict[str, Any]]]] = {
    "machine": machine,
    "step-ours": steps("ours"),
    "step-stock": steps("stock"),
    "evaluation": evaluation,
    "decoding": decoding,
    "step-ours-alone": steps("ours", prompts=1),
    "step-official": steps("official", prompts=1),
    "attention": kernels,
    "agreement": agreement,
    "vllm": vllm,
}


def _seconds(work: Callable[[], Any], device: str, times: int = 1) -> float:
    """Of one call; one before doesn't count."""
    now = clock_of(device)
    work()
    begun = now()
    for _ in range(times):
        work()
    return (now() - begun) / times


def _per_token(
    way: Callable[[int, bool], Callable[[], None]], few: int, many: int, recorded: bool, device: str
) -> dict[str, Any]:
    """Milliseconds of a token more, prompts and recording left out, and seconds of the longer call."""
    now = clock_of(device)
    way(few, recorded)()  # to warm up
    begun = now()
    way(few, recorded)()
    between = now()
    way(many, recorded)()
    longer = now() - between
    peak = {"peak_mib": torch.cuda.max_memory_allocated() / 2**20} if device == "cuda" else {}
    return {"ms": 1e3 * (longer - (between - begun)) / (many - few), "tokens": many, "seconds": longer, **peak}


def _drain(decoder: Decoder, cohort: Cohort, recorded: bool) -> None:
    if decoder.recorder and not recorded:
        decoder.recorder.able = False
    for _ in decoder.write(iter([cohort])):
        pass
    if decoder.recorder and recorded and not decoder.recorder.able:
        raise RuntimeError("steps can't be recorded")


def _ends(model: Any) -> list[int]:
    ends = model.generation_config.eos_token_id
    return ends if isinstance(ends, list) else [ends]


def _rows_of(question: Question, rows: int) -> dict[str, Tensor]:
    """What `generate` takes, of so many rows with one prompt."""
    inputs = {"input_ids": question.input_ids.expand(rows, -1)}
    inputs |= {name: value.expand(rows, -1) for name, value in question.types.items()}
    return inputs | {name: value.repeat(rows, 1) for name, value in question.images.items()}


def _by_stream(model: Any, question: Question, completions: list[Tensor]) -> Tensor:
    return log_probs(model, stream_of([(question, completions)]))[0]


def _by_rows(model: Any, question: Question, completions: list[Tensor]) -> Tensor:
    """A row of prompt and completion for each, one after the other."""
    logs = []
    for completion in completions:
        inputs = _rows_of(question, 1)
        for name in question.types:
            inputs[name] = torch.nn.functional.pad(inputs[name], (0, len(completion)))
        inputs["input_ids"] = torch.cat([question.input_ids, completion])[None]
        logits = model(**inputs, use_cache=False, logits_to_keep=len(completion) + 1).logits[0, :-1]
        logs.append(logits.float().log_softmax(-1).gather(1, completion[:, None])[:, 0])
    return torch.cat(logs)


def _asked(geometry: Geometry, n: int, processor: Any) -> list[Asked]:
    """Questions of the demo's kind with images of noise of the geometry's size."""
    noise = np.random.default_rng(0)

    def image() -> bytes:
        file = io.BytesIO()
        pixels = noise.integers(0, 255, (geometry.height, geometry.width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file, "JPEG")
        return file.getvalue()

    rows = [row | {"image": {"bytes": image(), "path": None}} for row in toyspace_rows("bench", n, 1)]
    with tempfile.TemporaryDirectory() as folder:
        write_questions(rows, Path(folder) / "questions.parquet")
        return ask(read_questions(Path(folder) / "questions.parquet"), processor, "lettered")
