"""How much faster a step of SFT is as a stream than in stock TRL; seconds of one CPU thread, medians of five steps.

    python benchmarks/sft.py

Eight samples a step, of `paper` and of `demo` geometry (benchmarks/grpo_geometry.py), each with an image of its own, or
two or four about an image, that stand together. Both learn the same samples in the same order; losses are compared.
"""

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import torch
from clocks import StepSeconds
from datasets import Dataset
from grpo_geometry import GEOMETRIES, PIXELS, STYLE, Geometry, questions, save_model
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from groupshare import SFTSharingTrainer
from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor

SAMPLES, STEPS = 8, 6


class Samples:
    """A data set's rows in their order; a transform, so that images stay as they are."""

    def __init__(self, geometry: Geometry, about_one: int):
        images = questions(geometry, SAMPLES * STEPS)
        answers = ("two", "the red ball", "left", "0")
        self.rows = [
            {
                "prompt": images[i]["prompt"],
                "completion": [{"role": "assistant", "content": answers[i % 4]}],
                "image": images[i // about_one * about_one]["image"],
            }
            for i in range(len(images))
        ]

    def __call__(self, batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """The rows of these numbers."""
        rows = [self.rows[i] for i in batch["number"]]
        return {name: [row[name] for row in rows] for name in rows[0]}


def steps(kind: type[SFTTrainer], geometry: Geometry, folder: Path, about_one: int) -> tuple[float, list[float]]:
    """The median of all steps but the first, and their losses."""
    processor = load_processor(folder, STYLE, *PIXELS)
    clock = StepSeconds()
    trainer = kind(
        model=load_model(folder, "float32"),
        args=SFTConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=SAMPLES,
            max_steps=STEPS,
            train_sampling_strategy="sequential",
            max_length=None,
            completion_only_loss=True,
            dataset_kwargs={"skip_prepare_dataset": True},
            remove_unused_columns=False,
            learning_rate=1e-5,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
            logging_steps=1,
            save_strategy="no",
        ),
        data_collator=DataCollatorForVisionLanguageModeling(processor, completion_only_loss=True),
        train_dataset=Dataset.from_dict({"number": range(SAMPLES * STEPS)}).with_transform(
            Samples(geometry, about_one)
        ),
        processing_class=processor,
        callbacks=[clock],
    )
    trainer.train()
    return median(clock.seconds[1:]), [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def main() -> None:
    """Measure and print a table."""
    torch.set_num_threads(1)
    print("| geometry | questions about an image | stock TRL, s | ours, s | times as fast |")
    print("|---|---:|---:|---:|---:|")
    for name in ("paper", "demo"):
        with tempfile.TemporaryDirectory() as folder:
            save_model(GEOMETRIES[name], Path(folder))
            for about_one in (1, 2, 4):
                (stock, theirs), (ours, losses) = (
                    steps(kind, GEOMETRIES[name], Path(folder), about_one) for kind in (SFTTrainer, SFTSharingTrainer)
                )
                apart = max(abs(a - b) for a, b in zip(losses, theirs, strict=True))
                assert apart < 1e-3, f"losses differ by {apart}"
                print(f"| {name} | {about_one} | {stock:.2f} | {ours:.2f} | {stock / ours:.2f} |", flush=True)


if __name__ == "__main__":
    main()
