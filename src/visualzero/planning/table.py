"""A plan as text, at most 120 columns wide, or as wide as the terminal."""

from collections.abc import Callable, Sequence
from textwrap import fill

from visualzero.planning.gpus import CPU
from visualzero.planning.memory import FRAGMENTED, GIB, LIBRARIES
from visualzero.planning.plan import Between, EvaluationPlan, Plan, TrainingPlan, between_sum
from visualzero.planning.prompts import CHARACTERS_PER_TOKEN
from visualzero.planning.workload import ANSWER_TOKENS

WIDTH = 120
Unit = tuple[float, str]
FLOPS: list[Unit] = [(1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP")]
GPU_HOURS: list[Unit] = [(1, "GPU-h"), (1 / 60, "GPU-min")]
CORE_HOURS: list[Unit] = [(1, "core-h"), (1 / 60, "core-min")]


class Sheet:
    """Paragraphs and tables of so many columns."""

    def __init__(self, width: int):
        self.width = width

    def paragraph(self, text: str) -> str:
        """A text in lines, all but the first indented."""
        return fill(text, self.width, subsequent_indent="  ")

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        """Names in the first column, to the left; numbers in the others, to the right.

        What doesn't fit beside the names comes below, with the names again.
        """
        names, *columns = [[row[i] for row in [header, *rows]] for i in range(len(header))]
        first = self._aligned(names, str.ljust)
        blocks: list[list[str]] = []
        for column in columns:
            cells = self._aligned(column, str.rjust)
            if not blocks or len(blocks[-1][0]) + 2 + len(cells[0]) > max(
                self.width, len(first[0]) + 2 + len(cells[0])
            ):
                blocks.append(first)
            blocks[-1] = ["  ".join(pair) for pair in zip(blocks[-1], cells, strict=True)]
        return "\n\n".join("\n".join(block) for block in blocks)

    @staticmethod
    def _aligned(column: Sequence[str], pad: Callable[[str, int], str]) -> list[str]:
        width = max(map(len, column))
        return [pad(cell, width) for cell in column]


def text_of(plan: Plan, width: int = WIDTH) -> str:
    """The plan in lines of at most `width` columns: head, tables, assumptions, totals."""
    sheet = Sheet(min(width, WIDTH))
    sections = [_head(sheet, plan)]
    if plan.trainings:
        sections += [_runs(sheet, plan.trainings), _compute(sheet, plan), _memory(sheet, plan)]
    sections += [
        _evaluations(sheet, plan),
        *_misfits(plan),
        _disk(sheet, plan),
        _assumptions(sheet, plan),
        _totals(sheet, plan),
    ]
    return "\n\n".join(sections)


def _head(sheet: Sheet, plan: Plan) -> str:
    gpu = plan.gpu
    memory = f", {gpu.memory:.0f} GiB" if gpu.memory else ""
    models = [
        sheet.paragraph(f"{name}: {m['parameters']:,} parameters ({m['source']})") for name, m in plan.models.items()
    ]
    device = (
        f"Scale {plan.scale} on {plan.gpus} x {gpu.name} ({gpu.bfloat16:g} bfloat16 and {gpu.float32:g} float32"
        f" TFLOP/s, {gpu.bandwidth:g} TB/s{memory}; {gpu.source})"
    )
    return "\n".join([sheet.paragraph(device), *models])


def _runs(sheet: Sheet, runs: list[TrainingPlan]) -> str:
    header = ["TRAINING: a run", "seeds", "prompts", "completions", "image tokens", "text tokens", "completion tokens"]
    rows = [
        [
            run.arm,
            str(len(run.seeds)),
            f"{run.prompts:,}",
            f"{run.completions:,}",
            _short(run.visual_tokens),
            _short(run.text_tokens),
            _range(run.completion_tokens, _short),
        ]
        for run in runs
    ]
    return sheet.table(header, rows)


def _compute(sheet: Sheet, plan: Plan) -> str:
    runs = plan.trainings
    flops = _unit(FLOPS, max(run.flops.cap for run in runs))
    hours = _unit(_hours(plan), max(run.gpu_hours.cap for run in runs))
    header = ["COMPUTE: a run", "rollout", "old+reference", "update", flops[1], "avoidable", "s/step", hours[1]]
    rows = [
        [
            run.arm,
            _number(run.cost.rollout / flops[0]),
            _number((run.cost.old + run.cost.reference) / flops[0]),
            _number(run.cost.update / flops[0]),
            _in(flops, run.flops),
            f"{run.cost.avoidable:.0%}",
            _range(run.step_seconds, _number),
            _in(hours, run.gpu_hours),
        ]
        for run in runs
    ]
    return sheet.table(header, rows)


def _memory(sheet: Sheet, plan: Plan) -> str:
    parts = ["weights", "gradients", "Adam", "reference", "activations", "head", "cache", "other"]
    rows = []
    for run in plan.trainings:
        m = run.memory
        sizes = [m.weights, m.gradients, m.optimizer, m.reference, m.activations, m.head, m.cache, m.vllm + m.overhead]
        rows.append([run.arm, *(_number(size / GIB) for size in [*sizes, m.total])])
    total = f"of {plan.gpu.memory:.0f}" if plan.gpu.memory else "total"
    return sheet.table([f"MEMORY: GiB per {'process' if plan.gpu.name == CPU else 'GPU'}", *parts, total], rows)


def _evaluations(sheet: Sheet, plan: Plan) -> str:
    """A line for each arm: all its benchmarks, with their control questions, under one seed."""
    arms: dict[str, list[EvaluationPlan]] = {}
    for job in plan.evaluations:
        arms.setdefault(job.arm, []).append(job)
    flops = _unit(FLOPS, max(between_sum(job.flops for job in group).cap for group in arms.values()))
    hours = _unit(_hours(plan), max(between_sum(job.gpu_hours for job in group).cap for group in arms.values()))
    header = ["EVALUATION: a seed", "seeds", "sets", "prompts", "prompt tokens", "completion tokens"]
    rows = [
        [
            arm,
            str(len(group[0].seeds)),
            str(len(group)),
            f"{sum(job.prompts for job in group):,}",
            _short(sum(job.visual_tokens + job.text_tokens for job in group)),
            _range(between_sum(job.completion_tokens for job in group), _short),
            _in(flops, between_sum(job.flops for job in group)),
            _in(hours, between_sum(job.gpu_hours for job in group)),
            _number(max(job.memory.total for job in group) / GIB),
        ]
        for arm, group in arms.items()
    ]
    return sheet.table([*header, flops[1], hours[1], "GiB"], rows)


def _misfits(plan: Plan) -> list[str]:
    """A line for each job that doesn't fit, with what would help."""
    lines = []
    for job in plan.jobs:
        if job.advice:
            name = job.arm if isinstance(job, TrainingPlan) else f"{job.arm} on {job.benchmark}"
            lines.append(f"! {name} needs {job.memory.total / GIB:.0f} GiB of {plan.gpu.memory:.0f}: use {job.advice}")
    return ["\n".join(lines)] if lines else []


def _disk(sheet: Sheet, plan: Plan) -> str:
    disk = plan.disk
    parts = {
        "hub cache": disk.downloads,
        "initial models": disk.models,
        "questions": disk.data,
        "trained weights": disk.weights,
        "kept checkpoints": disk.checkpoints,
        "rollouts": disk.rollouts,
        "responses and scores": disk.responses,
    }
    listed = ", ".join(f"{name} {_size(size)}" for name, size in parts.items() if size)
    return sheet.paragraph(
        f"DISK: {_size(disk.kept)} in the end ({listed}); while a run trains, up to {_size(disk.while_training)} more"
        " in work/, to resume it from."
    )


def _assumptions(sheet: Sheet, plan: Plan) -> str:
    assumed = plan.assumptions
    again = "".join(
        f" {run.arm} is counted with every batch sampled once; up to {run.sampled_again} times are allowed."
        for run in plan.trainings
        if run.sampled_again > 1
    )
    return sheet.paragraph(
        f"ASSUMED (docs/plan.md): a..b is for completions of average length, {ANSWER_TOKENS} tokens of a bare answer"
        f" and {plan.reasoning} of reasoning, and for all at the cap; a batch is sampled until its longest one ends."
        f" Every image fills max_pixels. {CHARACTERS_PER_TOKEN} characters of text are a token where the model's"
        f" tokenizer is not there. {assumed.utilization:.0%} of peak FLOP/s, {assumed.bandwidth:.0%} of bandwidth,"
        f" {assumed.launch * 1e3:g} ms of the host per layer and token, {assumed.replay * 1e3:g} ms where a step is"
        f" recorded, {assumed.training * 1e3:g} ms per layer and pass of training in bfloat16,"
        f" {assumed.image * 1e6:g} us of a core per image token. Memory is at the cap: weights + Adam + reference +"
        f" other, and the larger of gradients + activations + head and of cache; other is {LIBRARIES / GIB:g} GiB for"
        f" CUDA, {FRAGMENTED:.0%} for fragments, and what"
        " vLLM takes. Avoidable: FLOPs of images and prompts that a group could share; TRL 1.16 repeats them for every"
        f" completion.{again}"
    )


def _totals(sheet: Sheet, plan: Plan) -> str:
    totals, gpu = plan.totals, plan.gpu
    flops, hours = _unit(FLOPS, totals.flops.cap), _unit(_hours(plan), totals.gpu_hours.cap)
    verdict = f"{totals.unfit} jobs don't fit {gpu.name}" if totals.unfit else f"every job fits {gpu.name}"
    if gpu.memory is None:
        verdict = f"a job needs up to {max(job.memory.total for job in plan.jobs) / GIB:.1f} GiB of memory"
    return sheet.paragraph(
        f"TOTAL of all seeds: {_in(hours, totals.gpu_hours)} {hours[1]}, {_in(flops, totals.flops)} {flops[1]};"
        f" training runs {totals.runs}, evaluations {totals.evaluations}, prompts {totals.prompts:,},"
        f" completions {totals.completions:,}; {verdict}."
    )


def _hours(plan: Plan) -> list[Unit]:
    return CORE_HOURS if plan.gpu.name == CPU else GPU_HOURS


def _unit(units: Sequence[Unit], largest: float) -> Unit:
    return next((unit for unit in units if largest >= unit[0]), units[-1])


def _in(unit: Unit, between: Between) -> str:
    return _range(between, lambda value: _number(value / unit[0]))


def _range(between: Between, shown: Callable[[float], str]) -> str:
    mean, cap = shown(between.mean), shown(between.cap)
    return mean if mean == cap else f"{mean}..{cap}"


def _number(value: float) -> str:
    """Three digits, or all of them if it has more."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _short(count: float) -> str:
    return _with_unit(count, [(1e9, " G"), (1e6, " M"), (1e3, " k"), (1, "")])


def _size(size: float) -> str:
    return _with_unit(size, [(1e12, " TB"), (1e9, " GB"), (1e6, " MB"), (1e3, " kB")])


def _with_unit(value: float, units: Sequence[Unit]) -> str:
    size, name = _unit(units, value)
    return f"{value / size:.3g}{name}"
