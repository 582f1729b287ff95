"""Supervised fine-tuning with TRL's SFTTrainer: on the bare answers, or on trajectories.

The paper's baseline: a user turn with the image and the question, an assistant turn with the right option's text. The
loss is on the answer alone (`prompt_loss` has it on the prompt too, as the official code). A cold start has thoughts in
the place of the answers (trajectories.py). A batch is a stream (groupshare), unless `sft.sharing` is off.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pandas as pd
import torch
from datasets import Dataset, Features, List, Value
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from groupshare.answers import AnswerSharing
from visualzero.config import Sft
from visualzero.models.families import family_in, family_read_by
from visualzero.models.processor import ImageProcessor
from visualzero.models.tokens import special_tokens
from visualzero.prompts import forced_prefix, question_text
from visualzero.training.altering import BLIND
from visualzero.training.callbacks import StepReport
from visualzero.training.group_sharing import telling
from visualzero.training.health import Watched
from visualzero.training.inputs import naming
from visualzero.training.pictures import Pictures
from visualzero.training.run import Run, lora_config, prepare, train, trainer_arguments
from visualzero.training.trajectories import curate, read_trajectories


def train_sft(run: Run) -> None:
    """Train `run` and write its outputs."""
    recipe = run.study.recipe(run.arm_name)
    assert isinstance(recipe, Sft)
    model, processor, questions = prepare(run, recipe)
    arguments = SFTConfig(
        **trainer_arguments(run, recipe),
        max_length=None,
        packing=False,
        completion_only_loss=not recipe.prompt_loss,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
    )
    collator = WholeTextCollator if recipe.prompt_loss else NamingCollator
    kind = SharingAnswerTrainer if recipe.sharing and not recipe.prompt_loss else AnswerTrainer
    with telling("sft.sharing"):
        trainer = kind(
            model=model,
            args=arguments,
            data_collator=collator(processor, completion_only_loss=not recipe.prompt_loss),
            train_dataset=_dataset(run, questions, special_tokens(processor.tokenizer)),
            processing_class=processor,
            callbacks=[StepReport(run.name, recipe.steps)],
            peft_config=lora_config(recipe),
        )
        train(run, recipe, trainer)


class AnswerTrainer(Watched, SFTTrainer):
    """SFTTrainer that stops where something isn't finite."""


class SharingAnswerTrainer(AnswerSharing, AnswerTrainer):
    """The same by streams: no padding, logits for answers alone, an image once for all its questions in a batch."""


def _dataset(run: Run, questions: pd.DataFrame, special: Sequence[str] = ()) -> Dataset:
    """Columns prompt, completion and image for TRL, and question_id; no trajectory may spell a `special` token."""
    if run.trajectories:
        prefix = forced_prefix(run.arm.prompt)
        questions = curate(read_trajectories(run.trajectories), questions, prefix, str(run.trajectories), special)
    else:
        questions = questions.assign(completion=[row.choices[row.answer_index] for row in questions.itertuples()])
    options = run.study.data.train_options
    rows = [
        {
            "prompt": [{"role": "user", "content": question_text(row.question, list(row.choices), options)}],
            "completion": [{"role": "assistant", "content": row.completion}],
            "image": row.id,
            "question_id": row.id,
        }
        for row in questions.itertuples()
    ]
    text = {"role": Value("string"), "content": Value("string")}
    columns = {"prompt": List(text), "completion": List(text), "image": Value("string"), "question_id": Value("string")}
    pictures = Pictures(run.questions, blind=run.arm.altered == BLIND, none=not family_in(run.weights).sees)
    return Dataset.from_list(rows, features=Features(columns)).with_transform(pictures)


class NamingCollator(DataCollatorForVisionLanguageModeling):
    """TRL's batches, whose labels are the completions; a question that can't be collated is named."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """Collate as TRL does."""
        texts = ("prompt", "completion")
        kept = [example | {name: deepcopy(example[name]) for name in texts} for example in examples]  # TRL changes them
        try:
            return super().torch_call(examples)
        except (StopIteration, ValueError):
            for example in kept:
                with naming(example["question_id"]):
                    super().torch_call([example])
            raise


class WholeTextCollator(NamingCollator):
    """Batches whose labels are all of the text, prompts included; the image's own tokens are not learnt."""

    processor: ImageProcessor

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """Collate as TRL does, then take the image's tokens out of the labels."""
        batch = super().torch_call(examples)
        tokens = list(family_read_by(self.processor).tokens)
        image = torch.tensor(self.processor.tokenizer.convert_tokens_to_ids(tokens), dtype=torch.long)
        batch["labels"][torch.isin(batch["input_ids"], image)] = -100
        return batch
