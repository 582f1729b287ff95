"""The study itself: its arms, rewards, comparisons and models, and `Study`, which holds the whole config."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from visualzero.config.base import MODELS, Name, Number, Section, Seeds, Sha256
from visualzero.config.causes import Causes, Interventions, Sampling
from visualzero.config.merging import merge
from visualzero.config.naming import unknown
from visualzero.config.sources import Data
from visualzero.config.training import Evaluate, Grpo, Sft
from visualzero.errors import UserError

PaperColumn = Literal["micro", "Count", "Relation", "Depth", "Distance"]
Tracker = Literal["trackio", "tensorboard", "wandb", "dvclive"]
Percent = Annotated[Number, Field(ge=0, le=100)]


class Trajectories(Section):
    """Completions that SFT learns in place of the bare answers; only those that are right and in the wanted form."""

    arm: Name | None = Field(default=None, description="A grpo arm: its rollouts of the same seed; or path.")
    path: str | None = Field(
        default=None,
        min_length=1,
        description="A table (JSONL, CSV, parquet) with columns id (of a training question) and completion; or arm.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.arm is None) == (self.path is None):
            raise ValueError("give exactly one of arm (a grpo arm) and path (a table of your own)")
        return self


class Difficulty(Section):
    """Training questions picked by how often they were solved."""

    path: str = Field(
        min_length=1,
        description="A table (JSONL, CSV, parquet) of completions with columns id (of a training question) and"
        " reward_accuracy or correct, such as the rollouts.parquet of a run.",
    )
    least: Number = Field(default=0.1, ge=0, le=1, description="Questions solved less often are left out.")
    most: Number = Field(default=0.9, ge=0, le=1, description="Questions solved more often are left out.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least {self.least} is more than most {self.most}; no question would be left")
        return self


class Arm(Section):
    """One line of the study's table."""

    title: str = Field(min_length=1, description="Its name in the report.")
    init: Name = Field(
        description="What it starts from: the model base or instruct, or a trained arm (its weights of the same seed)."
    )
    recipe: Literal["none", "sft", "grpo"] = Field(description="How it is trained; none: only evaluated.")
    prompt: str = Field(description="Prompt style: a file of src/visualzero/prompts without .jinja.")
    eval_prompt: str | None = Field(
        default=None, description="Prompt style of evaluation; null is prompt, so that it is asked as it was trained."
    )
    reward: str | None = Field(default=None, description="A name under rewards; for grpo arms only.")
    freeze: list[Literal["vision", "language"]] = Field(
        default=[], max_length=1, description="The part of the model that is not trained: vision or language."
    )
    trajectories: Trajectories | None = Field(
        default=None, description="What an sft arm learns to write; null: the right choices."
    )
    altered: Literal["blind", "shuffled_answers"] | None = Field(
        default=None,
        description="What is done to its training questions: blind shows grey images, shuffled_answers draws which"
        " option is right; null: nothing.",
    )
    difficulty: Difficulty | None = Field(
        default=None, description="Which training questions it learns from, by how hard they are; null: all of them."
    )
    extra: bool = Field(default=False, description="Left out of `run: all`: run where it or its set is named.")
    sft: dict[str, Any] = Field(default={}, description="Keys of sft that differ for this arm.")
    grpo: dict[str, Any] = Field(default={}, description="Keys of grpo that differ for this arm.")
    evaluate: dict[str, Any] = Field(default={}, description="Keys of evaluate that differ for this arm.")
    paper: dict[PaperColumn, Percent] | None = Field(
        default=None, description="Published accuracy on CV-Bench in percent, shown beside the arm."
    )

    @property
    def trained(self) -> bool:
        """Whether the arm has weights of its own (and a run for each seed)."""
        return self.recipe != "none"

    @property
    def asked_with(self) -> str:
        """The prompt style of its evaluation."""
        return self.eval_prompt or self.prompt


class Reward(Section):
    """A weighted sum of reward terms."""

    terms: dict[str, Number] = Field(
        min_length=1, description="Weight of each term; a term is a file of src/visualzero/rewards without .py."
    )


class Comparison(Section):
    """Two arms whose answers to the same questions are compared (accuracy of `a` minus that of `b`)."""

    a: str = Field(description="An arm.")
    b: str = Field(description="The arm it is compared with.")


class Controls(Section):
    """Arms that are also asked changed questions (evaluation/answering/control_questions.py): what do they go by?"""

    no_image: list[str] = Field(default=[], description="Arms that are asked without the image.")
    shuffled_image: list[str] = Field(default=[], description="Arms that are shown another question's image.")
    swapped_options: list[str] = Field(default=[], description="Arms that are given the options in another order.")


CONTROLS = tuple(Controls.model_fields)


class ModelSource(Section):
    """A model: a folder of this repository, or a repository of the model hub at a commit."""

    path: str | None = Field(default=None, min_length=1, description="Folder of the model, from the root; or repo.")
    repo: str | None = Field(default=None, min_length=1, description="Repository of the model hub; or path.")
    revision: str | None = Field(default=None, description="Commit of repo (40 digits); null is refused at download.")
    sha256: dict[str, Sha256] = Field(
        default={}, description="Digests that files of repo must have; the others must have those that the hub names."
    )
    min_pixels: int = Field(gt=0, description="Smaller images are enlarged to this many pixels.")
    max_pixels: int = Field(
        gt=0, description="Larger images are reduced to so many pixels (Qwen2-VL: 28 x 28 a token)."
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.repo is None):
            raise ValueError("give exactly one of path (a folder) and repo (on the model hub)")
        if self.min_pixels > self.max_pixels:
            raise ValueError(f"min_pixels {self.min_pixels} is more than max_pixels {self.max_pixels}")
        return self


class Models(Section):
    """The two initial models."""

    base: ModelSource = Field(description="The pre-trained model, not tuned to follow instructions.")
    instruct: ModelSource = Field(description="The instruction-tuned model.")


class Study(Section):
    """The whole config: ``config/config.yaml`` over ``config/scale/<scale>.yaml``."""

    scale: Name = Field(description="How big: the file of config/scale to use; results go to results/<scale>.")
    seeds: Seeds = Field(description="Every trained arm is run once for each of these seeds.")
    run: list[Name] = Field(
        min_length=1,
        description="Which arms are run: a list of arms and sets, all, or a mapping of scales to one of these.",
    )
    sets: dict[Name, Annotated[list[Name], Field(min_length=1)]] = Field(
        default={}, description="Named lists of arms, which run may name."
    )
    arms: dict[Name, Arm] = Field(min_length=1, description="The arms by name; once read, those that are run.")
    rewards: dict[Name, Reward] = Field(default={}, description="The rewards by name.")
    comparisons: list[Comparison] = Field(default=[], description="Planned comparisons between arms.")
    margin: Number = Field(
        default=0.02,
        gt=0,
        lt=1,
        description="Two arms are called equal up to this difference of accuracies (0.02: two points) if their interval"
        " lies within it.",
    )
    controls: Controls = Field(default=Controls(), description="Which arms are asked control questions too.")
    causes: Causes = Field(default=Causes(), description="What is measured to explain the scores.")
    trackers: list[Tracker] = Field(
        default=[], description="What training reports to as well: trackio, tensorboard, wandb, dvclive."
    )
    data: Data = Field(description="The questions.")
    models: Models = Field(description="The initial models.")
    max_steps: int | None = Field(
        default=None, gt=0, description="No run takes more optimizer steps than this; null: as many as its recipe says."
    )
    sft: Sft = Field(description="Supervised fine-tuning.")
    grpo: Grpo = Field(description="Reinforcement learning.")
    evaluate: Evaluate = Field(description="Evaluation.")

    def trained_arms(self) -> list[str]:
        """Names of the arms that are trained, in the order of the config."""
        return [name for name, arm in self.arms.items() if arm.trained]

    def arm(self, name: str) -> Arm:
        """Return the arm of that name; raise `UserError` with the nearest name if there is none."""
        if name not in self.arms:
            raise UserError(f"{unknown('arm', name, self.arms)}; `run` in the config says which arms there are")
        return self.arms[name]

    def recipe(self, arm: str) -> Sft | Grpo:
        """How a trained arm is trained: its recipe at this scale with the keys that the arm changes."""
        spec = self.arm(arm)
        kind, settings, own = (Sft, self.sft, spec.sft) if spec.recipe == "sft" else (Grpo, self.grpo, spec.grpo)
        merged = merge(settings.model_dump(), own)
        if self.max_steps:
            merged["steps"] = min(merged["steps"], self.max_steps)
        return kind.model_validate(merged)

    def evaluation(self, arm: str) -> Evaluate:
        """How an arm is evaluated: `evaluate` with the keys that the arm changes."""
        return Evaluate.model_validate(merge(self.evaluate.model_dump(), self.arm(arm).evaluate))

    def origin(self, arm: str) -> str:
        """The initial model that an arm's weights go back to, if need be through other arms."""
        init = self.arm(arm).init
        return init if init in MODELS else self.origin(init)

    def source(self, arm: str) -> ModelSource:
        """Where that model comes from, with its image sizes."""
        return self.models.base if self.origin(arm) == "base" else self.models.instruct

    @property
    def sampling(self) -> Sampling:
        """How answers are sampled; raise `UserError` if none are."""
        if self.causes.sampling is None:
            raise UserError(
                "causes.sampling: no answers are sampled: ask for them, such as with --set 'causes.sampling={}'"
            )
        return self.causes.sampling

    @property
    def sampled_benchmark(self) -> str:
        """The benchmark whose questions are answered with samples."""
        asked = self.causes.sampling.benchmark if self.causes.sampling else None
        return asked or next(iter(self.data.benchmarks))

    def sampled_arms(self) -> list[str]:
        """Names of the arms whose answers are sampled, in the order of the config."""
        return self._asked(self.causes.sampling)

    @property
    def interventions(self) -> Interventions:
        """How thoughts are altered; raise `UserError` if none are."""
        if self.causes.interventions is None:
            raise UserError(
                "causes.interventions: no thoughts are altered: ask for them, such as with --set"
                " 'causes.interventions={}'"
            )
        return self.causes.interventions

    @property
    def intervened_benchmark(self) -> str:
        """The benchmark whose responses have their thoughts altered."""
        asked = self.causes.interventions.benchmark if self.causes.interventions else None
        return asked or next(iter(self.data.benchmarks))

    def intervened_arms(self) -> list[str]:
        """Names of the arms whose thoughts are altered, in the order of the config."""
        return self._asked(self.causes.interventions)

    def _asked(self, asked: Sampling | Interventions | None) -> list[str]:
        """Names of the arms that are asked more, in the order of the config."""
        return [name for name in self.arms if asked and (asked.arms is None or name in asked.arms)]
