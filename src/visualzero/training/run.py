"""What every training run shares: its inputs, its resume state and what it leaves behind.

A run may take several processes (`accelerate launch`, config/accelerate). Each of them runs all of this; the first one
alone writes. A step learns from the same samples however many processes share them.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from accelerate.utils import broadcast_object_list
from peft import LoraConfig
from transformers import PreTrainedModel, Trainer

from visualzero.config import Arm, ModelSource, Optimization, Study
from visualzero.data.image import decode_image
from visualzero.data.question import first_question, read_questions
from visualzero.errors import UserError
from visualzero.layout import Layout
from visualzero.manifest import atomic, read_manifest, write_manifest
from visualzero.models.adapters import check_targets
from visualzero.models.freezing import freeze
from visualzero.models.loading import DTYPES, load_model
from visualzero.models.processor import ImageProcessor, load_processor, prompt_of, prompt_record
from visualzero.prompts import question_text
from visualzero.training.altering import altered
from visualzero.training.callbacks import KeepWeights
from visualzero.training.checkpoints import CHECKPOINT, KEPT, Identity, last_whole, read_seal, restore
from visualzero.training.difficulty import of_difficulty
from visualzero.training.health import one_line, require_sound, require_whole
from visualzero.training.history import history
from visualzero.training.inputs import check_inputs
from visualzero.training.lease import Lease, leased
from visualzero.training.live import LIVE
from visualzero.training.pace import Pace
from visualzero.training.publishing import MANIFEST, Publication, link_or_copy
from visualzero.training.recording import LiveHistory
from visualzero.training.resuming import resume_exactly
from visualzero.training.saving import save_model
from visualzero.training.sealing import Sealing
from visualzero.training.slurm_job import this_job
from visualzero.training.trackers import PROJECT, tracker_callbacks


@dataclass(frozen=True)
class Run:
    """An arm with a seed, and where its inputs and outputs are.

    `out` receives model/, history.parquet, manifest.json (and rollouts.parquet; and checkpoints/, where the config asks
    for them); `work` keeps the resume state and belongs to exactly this run: its name holds the run's fingerprint and
    those of its inputs. `trajectories` is the table that SFT learns from where it does not learn the bare answers.
    """

    study: Study
    arm_name: str
    seed: int
    questions: Path
    weights: Path
    out: Path
    work: Path
    fingerprint: str
    trajectories: Path | None = None

    @property
    def name(self) -> str:
        """The arm with the seed, as `base-grpo/1`."""
        return f"{self.arm_name}/{self.seed}"

    @property
    def tracked_as(self) -> str:
        """What trackers call it: another recipe or other code makes another run of it."""
        return f"{self.name}/{self.fingerprint[:8]}"

    @property
    def arm(self) -> Arm:
        """The arm as the config describes it."""
        return self.study.arm(self.arm_name)

    @property
    def source(self) -> ModelSource:
        """Where the initial model comes from, with its image sizes."""
        return self.study.source(self.arm_name)


def prepare(run: Run, recipe: Optimization) -> tuple[PreTrainedModel, ImageProcessor, pd.DataFrame]:
    """The initial model with its frozen parts, the processor with the arm's prompt, and the training questions.

    Their images stay encoded until a batch needs them (pictures.py).
    """
    if process_count() == 1:
        # Of several GPUs take the first; Trainer would split every batch over all of them (DataParallel).
        os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    model = load_model(run.weights, "float32")
    freeze(model, run.arm.freeze)
    if recipe.lora:
        check_targets(model, recipe.lora.targets, f"{run.arm_name}: {run.arm.recipe}.lora.targets")
    processor = load_processor(run.weights, run.arm.prompt, run.source.min_pixels, run.source.max_pixels)
    # Trainer's first checkpoint does so, too: weights kept before and after it have the same files.
    processor.tokenizer._set_processor_class(type(processor).__name__)
    questions = altered(read_questions(run.questions, images=False), run.arm.altered)
    if run.arm.difficulty:
        questions = of_difficulty(questions, run.arm.difficulty)
    context = model.config.get_text_config().max_position_embeddings
    check_inputs(questions, recipe, processor, run.study.data.train_options, context, run.name)
    return model, processor, questions


def trainer_arguments(run: Run, recipe: Optimization) -> dict[str, Any]:
    """Arguments that TRL's SFTConfig and GRPOConfig share. Where the paper is silent, its libraries' defaults stand."""
    return {
        "output_dir": str(run.work),
        "run_name": run.tracked_as if run.study.trackers else run.name,
        "seed": run.seed,
        "data_seed": run.seed,
        "max_steps": recipe.steps,
        "per_device_train_batch_size": recipe.micro_batch_on(process_count()),
        "gradient_accumulation_steps": accumulation(recipe, process_count(), run.name),
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": recipe.scheduler,
        "warmup_steps": recipe.warmup_steps,
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.max_grad_norm,
        "adam_beta1": recipe.adam_beta1,
        "adam_beta2": recipe.adam_beta2,
        "adam_epsilon": recipe.adam_epsilon,
        "bf16": recipe.dtype == "bfloat16",
        "gradient_checkpointing": recipe.gradient_checkpointing,
        "logging_steps": recipe.logging_steps,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,  # which would log a loss of NaN as 0.0
        "save_strategy": "no",  # Pace decides
        "report_to": "none",  # trackers.py
        "project": PROJECT,
        "use_cpu": not torch.cuda.is_available(),
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
        "dataloader_num_workers": int(recipe.prefetch),  # more than one would each prepare the batches that repeat
    }


def process_count() -> int:
    """How many processes train together, as `accelerate launch` has told this one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def accumulation(recipe: Optimization, processes: int, name: str) -> int:
    """Forward passes of each process in a step: however many there are, a step learns from as many samples."""
    micro_batch = recipe.micro_batch_on(processes)
    passes, rest = divmod(recipe.samples_per_step, micro_batch * processes) if micro_batch else (0, 1)
    if rest:
        told = f"{name}: {recipe.samples_per_step} samples per step can't be split over {processes} processes"
        if recipe.micro_batch == "auto":
            raise UserError(f"{told}: choose a number of them that divides the samples")
        raise UserError(f"{told} of micro_batch {micro_batch}: choose a micro_batch that divides each process's share")
    return passes


def lora_config(recipe: Optimization) -> LoraConfig | None:
    """The adapters to train, for TRL; None where the weights themselves are trained."""
    if recipe.lora is None:
        return None
    return LoraConfig(r=recipe.lora.r, lora_alpha=recipe.lora.alpha, target_modules=recipe.lora.targets)


def train(
    run: Run,
    recipe: Optimization,
    trainer: Trainer,
    finish: Callable[[Path, Path], None] = lambda checkpoint, folder: None,
) -> None:
    """Train from the last whole checkpoint in `run.work`, then publish all outputs, the manifest last.

    `finish` may write further files into the output folder, from the checkpoint after the last step. Wherever this is
    ended, even while it publishes, the same call goes on from there.

    Raises:
        UserError: if another trainer is at work in `run.work`, or the training didn't take all its steps or left
            weights that aren't finite; then nothing is published.
    """
    publication = Publication(run.out, run.work)
    main = trainer.accelerator.is_main_process
    with leased(run.work) if main else nullcontext() as lease:
        if _told(trainer, main and publication.finished()):
            return
        _train(run, recipe, trainer, lease)
        if lease:
            lease.check()
            publication.begin()
        save_model(trainer, publication.begun / "model")
        if lease:
            require_sound(publication.begun / "model", run.name)
            _write_rest(run, trainer, finish, publication)
            lease.check()
            publication.finish()


def _train(run: Run, recipe: Optimization, trainer: Trainer, lease: Lease | None) -> None:
    """Train to the checkpoint after the last step; every process takes part."""
    if recipe.checkpoint_steps:
        dtype = DTYPES[recipe.dtype]  # half the disk where training computes in bfloat16, as evaluation does then
        trainer.add_callback(KeepWeights(trainer, run.work / KEPT, recipe.checkpoint_steps, dtype))
    identity: Identity = {"run": run.name, "fingerprint": run.fingerprint, "key": run.work.name}
    checkpoint, kept = None, {}
    if lease:
        checkpoint = last_whole(run.work, identity, process_count())
        kept = restore(run.work, checkpoint)
    checkpoint = _told(trainer, checkpoint)
    trackers = Layout(run.study.scale).trackers
    for callback in tracker_callbacks(run.study.trackers, trackers, run.tracked_as) if lease else ():
        trainer.add_callback(callback)
    trainer.add_callback(LiveHistory(run.work / LIVE, run.name, recipe.steps))
    trainer.add_callback(Sealing(trainer, run.work, identity, kept))
    trainer.add_callback(Pace(trainer, recipe, this_job(), lease))
    if checkpoint:
        resume_exactly(trainer, checkpoint)
    with one_line():
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    require_whole(run.name, trainer.state.global_step, recipe.steps)


def _told(trainer: Trainer, value: Any) -> Any:
    """What the first process says, in every process."""
    if trainer.accelerator.num_processes == 1:
        return value
    return broadcast_object_list([value])[0]


def _write_rest(run: Run, trainer: Trainer, finish: Callable[[Path, Path], None], publication: Publication) -> None:
    """Write what belongs beside the trained model, the manifest last."""
    last, out = run.work / f"{CHECKPOINT}{trainer.state.global_step}", publication.begun
    for step in {Path(name).parts[0] for name in read_seal(last)["kept"]}:
        shutil.copytree(run.work / KEPT / step, out / "checkpoints" / step, copy_function=link_or_copy)
    write_parquet(history(trainer.state.log_history), out / "history.parquet")
    finish(last, out)
    facts = {"run": run.name, "seed": run.seed, "processes": process_count(), "key": publication.key}
    files = sorted(path for path in out.rglob("*") if path.is_file())
    write_manifest(out / MANIFEST, files, run.fingerprint, **facts, **_origins(run), first=_first(run))


def _first(run: Run) -> dict[str, Any]:
    """The first training question as the model reads it, token by token."""
    row = first_question(run.questions)
    images = [row["image"], *row.get("more_images", ())]
    text = question_text(row["question"], row["choices"], run.study.data.train_options)
    processor = load_processor(run.weights, run.arm.prompt, run.source.min_pixels, run.source.max_pixels)
    prompt = prompt_of(processor, text, len(images))
    return {"id": row["id"], **prompt_record(processor, prompt, *(decode_image(image, row["id"]) for image in images))}


def _origins(run: Run) -> dict[str, Any]:
    inputs = {"questions": run.questions.with_suffix(".json"), "weights": run.weights.parent / "manifest.json"}
    return {"inputs": {name: read_manifest(path)["fingerprint"] for name, path in inputs.items() if path.is_file()}}


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write a table atomically, without its index."""
    with atomic(path) as temporary:
        table.to_parquet(temporary, index=False)
