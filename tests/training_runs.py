"""Runs of two steps of a tiny random model, for tests of training."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from visualzero.config import Study, read_study
from visualzero.data.question import write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.models.families import family_in
from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor
from visualzero.prompts import user_message
from visualzero.training.run import Run

ROOT = Path(__file__).resolve().parents[1]
SFT = {"steps": 2, "batch_size": 4, "micro_batch": 4, "learning_rate": 1e-2, "save_steps": 9}
GRPO = {**SFT, "batch_size": 2, "group_size": 4, "micro_batch": 8, "max_completion": 6}
SETTINGS = {"run": "all", "sft": SFT, "grpo": GRPO}
MakeRun = Callable[..., Run]


def study(*overrides: str) -> Study:
    settings = [f"{key}={json.dumps(value)}" for key, value in SETTINGS.items()]
    return read_study(ROOT / "config/config.yaml", [*settings, *overrides])


@pytest.fixture
def make_run(tiny_model: Path, tmp_path: Path) -> MakeRun:
    """A function that makes a run of an arm; `overrides` are laid over SETTINGS."""
    questions = tmp_path / "data" / "train.parquet"
    write_questions(toyspace_rows("train", 16, 1), questions)

    def make(arm: str, *overrides: str, trajectories: Path | None = None, seed: int = 1) -> Run:
        return Run(
            study=study(*overrides),
            arm_name=arm,
            seed=seed,
            questions=questions,
            weights=tiny_model,
            out=tmp_path / "out" / arm / str(seed),
            work=tmp_path / "work" / arm / str(seed),
            fingerprint="0" * 16,
            trajectories=trajectories,
        )

    return make


def trainer_of(run: Run) -> Any:
    """The trainer that `train_grpo` makes of a run; it doesn't train."""
    from visualzero.training.grpo import train_grpo

    made: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("visualzero.training.grpo.train", lambda run, recipe, trainer, **rest: made.append(trainer))
        train_grpo(run)
    made[0].model.train()
    return made[0]


@pytest.fixture
def paid_by_the_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A random model earns nothing, but no two of its completions have as many letters."""
    terms = dict.fromkeys(("accuracy", "format", "length"), lambda completion, **about: float(len(completion)))
    monkeypatch.setattr("visualzero.training.grpo.reward_terms", lambda: terms)


def logits_as_anyone_reads_them(folder: Path, style: str) -> torch.Tensor:
    """What a model folder says of an image and a question by transformers' own classes, checked to be what we read.

    A model of text is read by those for texts and gets no image.
    """
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer

    sees = family_in(folder).sees
    theirs = (
        AutoProcessor.from_pretrained(folder, trust_remote_code=True) if sees else AutoTokenizer.from_pretrained(folder)
    )
    ours = load_processor(folder, style, 3136, 12544)
    image = Image.radial_gradient("L").resize((190, 330)).convert("RGB")
    message = [user_message("How many cubes are in the image?", image)]
    arguments: dict[str, Any] = {"tokenize": True, "return_dict": True, "return_tensors": "pt"}
    read_by = (theirs, ours if sees else ours.tokenizer)
    inputs, expected = (p.apply_chat_template(message, add_generation_prompt=True, **arguments) for p in read_by)
    assert inputs.keys() == expected.keys()
    assert ("pixel_values" in inputs) == sees
    assert all(torch.equal(inputs[name], expected[name]) for name in expected)
    text = "How many cubes are in the image?"
    assert text in theirs.apply_chat_template([{"role": "user", "content": text}], tokenize=False)
    auto = AutoModelForImageTextToText if sees else AutoModelForCausalLM
    model = auto.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        logits: torch.Tensor = model.eval()(**inputs).logits
        assert torch.equal(logits, load_model(folder, "float32")(**expected).logits)
    assert model.generation_config.eos_token_id == load_model(folder, "float32").generation_config.eos_token_id
    return logits
