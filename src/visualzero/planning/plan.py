"""The plan of a study: every training and every evaluation with its work, memory and time, the disk, and the totals."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from visualzero.config import Study
from visualzero.errors import UserError
from visualzero.layout import Layout
from visualzero.planning.clock import Assumptions, Device, evaluation_seconds, training_seconds
from visualzero.planning.cost import TrainingCost, evaluation_flops, scored_positions, training_cost
from visualzero.planning.disk import Disk, disk_use
from visualzero.planning.fitting import changes, fits, vllm_bytes
from visualzero.planning.gpus import CPU, Gpu, gpu_named
from visualzero.planning.memory import Memory, evaluation_memory, training_memory
from visualzero.planning.workload import REASONING_SHARE, Evaluation, Lengths, Training, evaluations, trainings

PAPER_GPU = "H100-80GB"


@dataclass(frozen=True)
class Between:
    """A number for completions of average length, and for those that all reach the cap."""

    mean: float
    cap: float

    @classmethod
    def of(cls, lengths: Lengths, number: Callable[[int], float]) -> "Between":
        """`number` of both lengths."""
        return cls(number(lengths.mean), number(lengths.cap))


@dataclass(frozen=True)
class TrainingPlan:
    """A run of an arm; `memory` is at the cap, `cost` on average, `advice` what to do if it doesn't fit (else None)."""

    arm: str
    seeds: list[int]
    prompts: int
    completions: int
    visual_tokens: int
    text_tokens: int
    completion_tokens: Between
    flops: Between
    cost: TrainingCost
    step_seconds: Between
    gpu_hours: Between
    memory: Memory
    advice: str | None
    sampled_again: int  # times that a batch may be sampled; counted once


@dataclass(frozen=True)
class EvaluationPlan:
    """An arm's answers to a benchmark under one seed, on one GPU; `memory` is at the cap."""

    arm: str
    benchmark: str
    control: str | None
    seeds: list[int | str]
    prompts: int
    visual_tokens: int
    text_tokens: int
    completion_tokens: Between
    flops: Between
    gpu_hours: Between
    memory: Memory
    advice: str | None


@dataclass(frozen=True)
class Totals:
    """All runs and evaluations, of all seeds."""

    runs: int
    evaluations: int
    prompts: int
    completions: int
    flops: Between
    gpu_hours: Between
    unfit: int


@dataclass(frozen=True)
class Plan:
    """What a study costs."""

    scale: str
    gpu: Gpu
    gpus: int
    assumptions: Assumptions
    reasoning: int  # tokens that a completion that reasons is assumed to have
    models: dict[str, dict[str, Any]]
    trainings: list[TrainingPlan]
    evaluations: list[EvaluationPlan]
    disk: Disk
    totals: Totals

    @property
    def jobs(self) -> list[TrainingPlan | EvaluationPlan]:
        """Trainings, then evaluations."""
        return [*self.trainings, *self.evaluations]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; memory with its total."""
        found = asdict(self)
        for shown, job in zip([*found["trainings"], *found["evaluations"]], self.jobs, strict=True):
            shown["memory"]["total"] = job.memory.total
        found["disk"]["kept"] = self.disk.kept
        return found


def plan_study(
    study: Study, layout: Layout, gpu: str | None = None, gpus: int = 1, reasoning: int | None = None
) -> Plan:
    """The plan of a study on `gpus` devices of the name `gpu`.

    Without a name it is the paper's GPU, or a CPU core if the study trains in float32. `reasoning` is how many tokens a
    completion that reasons is assumed to have, by default a share of the rollouts' cap.

    Raises:
        UserError: if the GPU isn't known, a step can't be split over so many, `reasoning` isn't positive, or a model's
            sizes aren't known.
    """
    if reasoning is not None and reasoning < 1:
        raise UserError(f"--reasoning {reasoning}: a completion has at least one token: give a positive number")
    assumed = Assumptions()
    device = Device(gpu_named(gpu or (CPU if study.grpo.dtype == "float32" else PAPER_GPU)), assumed)
    reasoning = reasoning or round(REASONING_SHARE * study.grpo.max_completion)
    runs, answers = trainings(study, layout, reasoning), evaluations(study, layout, reasoning)
    trained = [_training(run, gpus, device) for run in runs]
    answered = [_evaluation(job, device) for job in answers]
    models = {
        study.origin(job.arm): {"source": job.model.source, "parameters": job.model.parameters} for job in answers
    }
    return Plan(
        scale=study.scale,
        gpu=device.gpu,
        gpus=gpus,
        assumptions=assumed,
        reasoning=reasoning,
        models=models,
        trainings=trained,
        evaluations=answered,
        disk=disk_use(study, layout, runs, answers),
        totals=_totals(trained, answered),
    )


def _training(run: Training, gpus: int, device: Device) -> TrainingPlan:
    _check_split(run, gpus)
    lengths = run.lengths

    def scored(completion: int) -> int:
        return scored_positions(run, completion, triton=device.gpu.name != CPU)

    def seconds(completion: int) -> float:
        return training_seconds(run, completion, scored(completion), gpus, device).total

    memory = training_memory(run, lengths.cap, gpus, vllm=vllm_bytes(run, device.gpu))
    time = Between.of(lengths, seconds)
    resample = run.grpo.resample if run.grpo else None
    return TrainingPlan(
        arm=run.arm,
        seeds=run.seeds,
        prompts=run.prompts,
        completions=run.completions,
        visual_tokens=run.prompts * lengths.visual,
        text_tokens=run.prompts * lengths.text,
        completion_tokens=Between.of(lengths, lambda completion: run.completions * completion),
        flops=Between.of(lengths, lambda completion: training_cost(run, completion, scored(completion)).total),
        cost=training_cost(run, lengths.mean, scored(lengths.mean)),
        step_seconds=Between(time.mean / run.recipe.steps, time.cap / run.recipe.steps),
        gpu_hours=Between(gpus * time.mean / 3600, gpus * time.cap / 3600),
        memory=memory,
        advice=None if fits(memory, device.gpu) else "; ".join(changes(run, gpus, device.gpu)) or "a larger GPU",
        sampled_again=resample.tries if resample else 1,
    )


def _evaluation(job: Evaluation, device: Device) -> EvaluationPlan:
    lengths = job.lengths
    memory = evaluation_memory(job, lengths.cap, device.gpu)
    return EvaluationPlan(
        arm=job.arm,
        benchmark=job.benchmark,
        control=job.control,
        seeds=job.seeds,
        prompts=job.questions,
        visual_tokens=job.questions * lengths.visual,
        text_tokens=job.questions * lengths.text,
        completion_tokens=Between.of(lengths, lambda completion: job.questions * completion),
        flops=Between.of(lengths, lambda completion: evaluation_flops(job, completion)),
        gpu_hours=Between.of(lengths, lambda completion: evaluation_seconds(job, completion, device) / 3600),
        memory=memory,
        advice=None if fits(memory, device.gpu) else "a smaller evaluate.batch_size, or a larger GPU",
    )


def _totals(trained: list[TrainingPlan], answered: list[EvaluationPlan]) -> Totals:
    jobs: list[TrainingPlan | EvaluationPlan] = [*trained, *answered]
    return Totals(
        runs=sum(len(job.seeds) for job in trained),
        evaluations=sum(len(job.seeds) for job in answered),
        prompts=sum(len(job.seeds) * job.prompts for job in jobs),
        completions=sum(len(job.seeds) * job.completions for job in trained)
        + sum(len(job.seeds) * job.prompts for job in answered),
        flops=between_sum(job.flops for job in jobs for _ in job.seeds),
        gpu_hours=between_sum(job.gpu_hours for job in jobs for _ in job.seeds),
        unfit=sum(job.advice is not None for job in jobs),
    )


def between_sum(numbers: Iterable[Between]) -> Between:
    """The sum of both."""
    listed = list(numbers)
    return Between(sum(number.mean for number in listed), sum(number.cap for number in listed))


def _check_split(run: Training, gpus: int) -> None:
    samples, micro = run.recipe.samples_per_step, run.recipe.micro_batch_on(max(gpus, 1))
    if gpus < 1 or not micro or samples % (gpus * micro):
        raise UserError(
            f"--gpus {gpus}: {run.arm}: the {samples} samples of a step can't be split over {gpus} GPUs in batches of"
            f" {micro}: choose another number, or a micro_batch that divides {samples} / {gpus}"
        )
