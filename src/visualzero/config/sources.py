"""Where questions come from: the training source and the benchmarks (``data:``)."""

from typing import Annotated, Literal

from pydantic import Field

from visualzero.config.base import Name, Section

Options = Literal["lettered", "natural"]
Seed = Annotated[int, Field(ge=0)]


class ToySpace(Section):
    """Drawn scenes with known answers, made on the spot: no download."""

    kind: Literal["toyspace"] = Field(description="toyspace: scenes drawn by this package.")
    split: Literal["train", "validation", "bench"] = Field(description="Which family of scenes; splits share no scene.")
    n: int = Field(gt=0, multiple_of=4, description="Questions, a quarter of each task (so a multiple of 4).")
    seed: Seed = Field(description="Seed of the scenes.")


class Local(Section):
    """The user's own questions: a folder, or a JSONL or CSV table with images beside it."""

    kind: Literal["local"] = Field(description="local: your own questions.")
    path: str = Field(min_length=1, description="The table (JSONL or CSV) or the folder that holds it, from the root.")
    images: str | None = Field(default=None, description="Folder that image paths are relative to; null: the table's.")
    seed: Seed = Field(default=0, description="Seed of the shuffling of choices.")
    shuffle_choices: bool = Field(default=False, description="Shuffle each question's choices (once, by the seed).")


class SAT(Section):
    """SAT spatial training questions (arXiv 2412.07755)."""

    kind: Literal["sat"] = Field(description="sat: the SAT data set.")
    repo: str = Field(default="array/SAT", description="Data set repository.")
    revision: str | None = Field(default=None, description="Commit of the repository; null is refused at download.")
    file: str = Field(default="SAT_train.parquet", description="File in the repository.")
    policy: Literal["first_15000"] = Field(
        default="first_15000", description="Which rows: first_15000 reads 15000 rows and keeps those with one image."
    )
    n: int | None = Field(default=None, gt=0, description="Keep at most this many of them; null keeps all.")
    seed: Seed = Field(description="Seed of the shuffling of choices.")


class CVBench(Section):
    """CV-Bench (arXiv 2406.16860): 2638 questions on Count, Relation, Depth and Distance."""

    kind: Literal["cvbench"] = Field(description="cvbench: the CV-Bench benchmark.")
    repo: str = Field(default="nyu-visionx/CV-Bench", description="Data set repository.")
    revision: str = Field(
        default="bc284db50d036958861cb60cdd7b77612052ce0d", description="Commit of the repository that was read."
    )


Source = Annotated[ToySpace | Local | SAT | CVBench, Field(discriminator="kind")]


class Benchmark(Section):
    """A set of questions that every run answers."""

    source: Source = Field(description="Where its questions come from.")
    sources_2d: list[str] = Field(default=[], description="Question sources averaged as the 2D half of the score.")
    sources_3d: list[str] = Field(default=[], description="Question sources averaged as the 3D half of the score.")
    options: Options = Field(default="lettered", description="How a question lists its options: lettered, natural.")


class Data(Section):
    """The questions that runs train on and answer."""

    train: Source = Field(description="Questions of SFT and GRPO.")
    train_options: Options = Field(description="How training questions list their options: lettered, natural.")
    benchmarks: dict[Name, Benchmark] = Field(min_length=1, description="Benchmarks by name, the primary one first.")
