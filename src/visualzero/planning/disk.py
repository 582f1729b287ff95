"""Bytes on the disk: what a study downloads, what it keeps, and what a run needs while it trains."""

from dataclasses import dataclass
from pathlib import Path

from visualzero.config import MODELS, Dataset, Mixture, Source, Study
from visualzero.layout import Layout
from visualzero.planning.architecture import architecture_of, checkpoint
from visualzero.planning.cost import trained_parameters
from visualzero.planning.precision import training_precision
from visualzero.planning.workload import Evaluation, Training, question_count

DOWNLOADS = {"sat": 4.56e9, "cvbench": 0.39e9}  # of files that are published; of SAT the training file
ROW = {"toyspace": 4.5e3, "sat": 26e3}  # a question with its image; SAT's from its file's size and 172384 rows
PHOTO = 150e3  # of other sources, as CV-Bench's
CHARACTERS = 4  # a token
LABELS = 500  # what a row of responses or of scores says beside the text
RESUMABLE = 3  # checkpoints at once: two are kept, and a new one is written before the oldest goes
PUBLISHED = 2  # bytes of a parameter on the hub


@dataclass(frozen=True)
class Disk:
    """Bytes: `downloads` in the hub's cache, `while_training` in work/ for each run at a time, the rest in results/."""

    downloads: float
    models: float
    data: float
    weights: float
    checkpoints: float
    rollouts: float
    responses: float
    while_training: float

    @property
    def kept(self) -> float:
        """What is there when all is done."""
        return sum(vars(self).values()) - self.while_training


def disk_use(study: Study, layout: Layout, trainings: list[Training], evaluations: list[Evaluation]) -> Disk:
    """The disk that a study needs, with completions of average length."""
    used = sorted({study.origin(arm) for arm in study.arms}, key=MODELS.index)
    sources = {"train": study.data.train, **{name: b.source for name, b in study.data.benchmarks.items()}}
    models = {init: _model_bytes(study, layout, init) for init in used}
    hub_models = sum(size for init, size in models.items() if getattr(study.models, init).repo)
    return Disk(
        downloads=hub_models + sum(_download(source, layout.questions(name)) for name, source in sources.items()),
        models=sum(models.values()),
        data=sum(_table(source, layout.questions(name)) for name, source in sources.items()),
        weights=sum(len(run.seeds) * run.model.parameters * _held(run) for run in trainings),
        checkpoints=sum(_kept_checkpoints(run) for run in trainings),
        rollouts=sum(
            len(run.seeds) * run.completions * (run.lengths.mean * CHARACTERS + LABELS) for run in trainings if run.grpo
        ),
        responses=sum(
            2 * len(job.seeds) * job.questions * (job.lengths.mean * CHARACTERS + LABELS) for job in evaluations
        ),
        while_training=max((resume_bytes(run) for run in trainings), default=0),
    )


def resume_bytes(run: Training) -> float:
    """The checkpoints that a run is resumed from: weights (LoRA: the adapters) and the optimizer's two moments."""
    trained = trained_parameters(run)
    weights = trained if run.recipe.lora else run.model.parameters
    return RESUMABLE * (_held(run) * weights + 8 * trained)


def _held(run: Training) -> int:
    return training_precision(run.recipe.dtype).held


def _kept_checkpoints(run: Training) -> float:
    every = run.recipe.checkpoint_steps
    width = training_precision(run.recipe.dtype).matrix
    return len(run.seeds) * (run.recipe.steps // every) * run.model.parameters * width if every else 0.0


def _model_bytes(study: Study, layout: Layout, init: str) -> float:
    """Of the checkpoint's files, or what its parameters take as they are published."""
    source = getattr(study.models, init)
    folder = checkpoint(source, layout.model(init))
    files = [file.stat().st_size for file in folder.glob("*.safetensors")]
    return sum(files) or PUBLISHED * architecture_of(source, layout.model(init)).parameters


def _download(source: Source, table: Path) -> float:
    if isinstance(source, Mixture):
        return sum(_download(part.source, table) for part in source.parts.values())
    if getattr(source, "repo", None) is None:
        return 0.0
    if isinstance(source, Dataset):
        return question_count(source, table) * PHOTO
    return DOWNLOADS.get(source.kind, question_count(source, Path()) * PHOTO)


def _table(source: Source, table: Path) -> float:
    if table.is_file():
        return table.stat().st_size
    return question_count(source, table) * ROW.get(source.kind, PHOTO)
