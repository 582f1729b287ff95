"""Supervised fine-tuning on the bare answers, with TRL's SFTTrainer.

The paper's baseline: a user turn with the image and the question, an assistant turn with the right option's text. The
loss is on the answer alone (the official code also trains on the prompt).
"""

from datasets import Dataset, Features, Image, List, Value
from trl import SFTConfig, SFTTrainer

from visualzero.prompts import question_text
from visualzero.training.callbacks import StepReport
from visualzero.training.run import Run, prepare, train, trainer_arguments


def train_sft(run: Run) -> None:
    """Train `run` and write its outputs."""
    recipe = run.study.sft
    model, processor, questions = prepare(run, recipe)
    text = {"role": Value("string"), "content": Value("string")}
    features = Features({"prompt": List(text), "completion": List(text), "images": List(Image())})
    rows = [
        {
            "prompt": [
                {
                    "role": "user",
                    "content": question_text(row.question, list(row.choices), run.study.data.train_options),
                }
            ],
            "completion": [{"role": "assistant", "content": row.choices[row.answer_index]}],
            "images": [row.image],
        }
        for row in questions.itertuples()
    ]
    arguments = SFTConfig(
        **trainer_arguments(run, recipe),
        max_length=None,
        packing=False,
        completion_only_loss=True,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
    )
    trainer = SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(rows, features=features),
        processing_class=processor,
        callbacks=[StepReport(run.name, recipe.steps)],
    )
    train(run, trainer)
