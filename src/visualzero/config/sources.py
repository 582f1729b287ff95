"""Where questions come from: the training source and the benchmarks (``data:``)."""

from typing import Annotated, Literal

from pydantic import Field

from visualzero.config.base import Name, Number, Section, Seed, Sha256
from visualzero.config.dataset import Dataset

Options = Literal["lettered", "natural", "stated"]


class ToySpace(Section):
    """Drawn scenes with known answers, made on the spot: no download."""

    kind: Literal["toyspace"] = Field(description="toyspace: scenes drawn by this package.")
    split: Literal["train", "validation", "bench", "hard"] = Field(
        description="Which family of scenes; splits share no scene. hard has more objects, other pairings of color and"
        " shape, and asks in other words."
    )
    n: int = Field(gt=0, multiple_of=4, description="Questions, a quarter of each task (so a multiple of 4).")
    seed: Seed = Field(description="Seed of the scenes.")


class Local(Section):
    """The user's own questions: a folder, or a JSONL or CSV table with images beside it."""

    kind: Literal["local"] = Field(description="local: your own questions.")
    path: str = Field(min_length=1, description="The table (JSONL or CSV) or the folder that holds it, from the root.")
    images: str | None = Field(default=None, description="Folder that image paths are relative to; null: the table's.")
    seed: Seed = Field(default=0, description="Seed of the shuffling of choices.")
    shuffle_choices: bool = Field(default=False, description="Shuffle each question's choices (once, by the seed).")


class Hub(Section):
    """A data set of the hub, at a commit."""

    repo: str = Field(min_length=1, description="Data set repository of the hub.")
    revision: str | None = Field(default=None, description="Commit of repo (40 digits); null is refused at download.")
    sha256: dict[str, Sha256] = Field(
        default={}, description="Digests that files of repo must have; the others must have those that the hub names."
    )


class SAT(Hub):
    """SAT spatial training questions (arXiv 2412.07755)."""

    kind: Literal["sat"] = Field(description="sat: the SAT data set.")
    repo: str = Field(default="array/SAT", min_length=1, description="Data set repository of the hub.")
    file: str = Field(default="SAT_train.parquet", min_length=1, description="File in the repository.")
    policy: Literal["first_15000", "static", "balanced_2400"] = Field(
        default="first_15000",
        description="Which of the questions with one image: first_15000, those among the file's first 15000 rows;"
        " static, those on scenes without motion; balanced_2400, the first 800 each of counting, depth and relation.",
    )
    n: int | None = Field(default=None, gt=0, description="Keep at most this many of them; null keeps all.")
    seed: Seed = Field(description="Seed of the shuffling of choices.")


class CVBench(Hub):
    """CV-Bench (arXiv 2406.16860): 2638 questions on Count, Relation, Depth and Distance."""

    kind: Literal["cvbench"] = Field(description="cvbench: the CV-Bench benchmark.")
    repo: str = Field(default="nyu-visionx/CV-Bench", min_length=1, description="Data set repository of the hub.")
    revision: str | None = Field(
        default="bc284db50d036958861cb60cdd7b77612052ce0d", description="Commit of repo (40 digits)."
    )


class BLINK(Hub):
    """BLINK (arXiv 2404.12390), validation split: 124 questions on Relative_Depth, 143 on Spatial_Relation."""

    kind: Literal["blink"] = Field(description="blink: two tasks of the BLINK benchmark.")
    repo: str = Field(default="BLINK-Benchmark/BLINK", min_length=1, description="Data set repository of the hub.")


class VSR(Hub):
    """VSR (arXiv 2205.00363), random split, test: 2195 statements about photographs, true or false."""

    kind: Literal["vsr"] = Field(description="vsr: the VSR benchmark.")
    repo: str = Field(default="cambridgeltl/vsr_random", min_length=1, description="Data set repository of the hub.")


class Part(Section):
    """A source in a mixture."""

    source: Annotated[ToySpace | Local | SAT | CVBench | BLINK | VSR | Dataset, Field(discriminator="kind")] = Field(
        description="Where its questions come from; the first ones are taken."
    )
    weight: Number = Field(default=1.0, gt=0, description="Its share of the questions, beside the others' weights.")


class Mixture(Section):
    """Questions of several sources, in shares."""

    kind: Literal["mixture"] = Field(description="mixture: several sources by their weights.")
    parts: dict[Name, Part] = Field(
        min_length=2, description="The sources by name; the names begin the questions' ids."
    )
    n: int = Field(gt=0, description="Questions in all.")


Source = Annotated[ToySpace | Local | SAT | CVBench | BLINK | VSR | Dataset | Mixture, Field(discriminator="kind")]


class Benchmark(Section):
    """A set of questions that every run answers."""

    source: Source = Field(description="Where its questions come from.")
    sources_2d: list[str] = Field(default=[], description="Question sources averaged as the 2D half of the score.")
    sources_3d: list[str] = Field(default=[], description="Question sources averaged as the 3D half of the score.")
    options: Options = Field(
        default="lettered",
        description="How a question lists its options: lettered, natural, stated (its text has them).",
    )


class Data(Section):
    """The questions that runs train on and answer."""

    train: Source = Field(description="Questions of SFT and GRPO.")
    train_options: Options = Field(description="How training questions list their options: lettered, natural, stated.")
    benchmarks: dict[Name, Benchmark] = Field(min_length=1, description="Benchmarks by name, the primary one first.")
