"""The study itself: its arms, rewards, comparisons and models, and `Study`, which holds the whole config."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from visualzero.config.base import Name, Number, Section, Seeds
from visualzero.config.naming import unknown
from visualzero.config.sources import Data
from visualzero.config.training import Evaluate, Grpo, Sft
from visualzero.errors import UserError

PaperColumn = Literal["micro", "Count", "Relation", "Depth", "Distance"]
Percent = Annotated[Number, Field(ge=0, le=100)]


class Arm(Section):
    """One line of the study's table."""

    title: str = Field(min_length=1, description="Its name in the report.")
    init: Literal["base", "instruct"] = Field(description="The model it starts from.")
    recipe: Literal["none", "sft", "grpo"] = Field(description="How it is trained; none: only evaluated.")
    prompt: str = Field(description="Prompt style: a file of src/visualzero/prompts without .jinja.")
    reward: str | None = Field(default=None, description="A name under rewards; for grpo arms only.")
    freeze: list[Literal["vision", "language"]] = Field(
        default=[], max_length=1, description="The part of the model that is not trained: vision or language."
    )
    paper: dict[PaperColumn, Percent] | None = Field(
        default=None, description="Published accuracy on CV-Bench in percent, shown beside the arm."
    )

    @property
    def trained(self) -> bool:
        """Whether the arm has weights of its own (and a run for each seed)."""
        return self.recipe != "none"


class Reward(Section):
    """A weighted sum of reward terms."""

    terms: dict[str, Number] = Field(
        min_length=1, description="Weight of each term; a term is a file of src/visualzero/rewards without .py."
    )


class Comparison(Section):
    """Two arms whose answers to the same questions are compared (accuracy of `a` minus that of `b`)."""

    a: str = Field(description="An arm.")
    b: str = Field(description="The arm it is compared with.")


class ModelSource(Section):
    """A model: a folder of this repository, or a repository of the model hub at a commit."""

    path: str | None = Field(default=None, min_length=1, description="Folder of the model, from the root; or repo.")
    repo: str | None = Field(default=None, min_length=1, description="Repository of the model hub; or path.")
    revision: str | None = Field(default=None, description="Commit of repo; null is refused when it is loaded.")
    min_pixels: int = Field(gt=0, description="Smaller images are enlarged to this many pixels.")
    max_pixels: int = Field(gt=0, description="Larger images are reduced to this many pixels (a token is 28 x 28).")

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
    arms: dict[Name, Arm] = Field(min_length=1, description="The arms by name.")
    rewards: dict[Name, Reward] = Field(default={}, description="The rewards by name.")
    comparisons: list[Comparison] = Field(default=[], description="Planned comparisons between arms.")
    data: Data = Field(description="The questions.")
    models: Models = Field(description="The initial models.")
    sft: Sft = Field(description="Supervised fine-tuning.")
    grpo: Grpo = Field(description="Reinforcement learning.")
    evaluate: Evaluate = Field(description="Evaluation.")

    def trained_arms(self) -> list[str]:
        """Names of the arms that are trained, in the order of the config."""
        return [name for name, arm in self.arms.items() if arm.trained]

    def arm(self, name: str) -> Arm:
        """Return the arm of that name; raise `UserError` with the nearest name if there is none."""
        if name not in self.arms:
            raise UserError(unknown("arm", name, self.arms))
        return self.arms[name]
