"""Where everything lies: the one place that knows the names of results. Paths are relative to the project's root."""

from dataclasses import dataclass
from pathlib import Path

from visualzero.config import MODELS, Study

REPORT_FILES = (
    "index.html",
    "arms.csv",
    "arms.md",
    "scorers.csv",
    "scorers.md",
    "curves.csv",
    "manifests.json",
    "metrics.json",
    "numbers.json",
)
UNTRAINED = "untrained"  # stands where a seed would, for arms that have no weights of their own


@dataclass(frozen=True)
class Layout:
    """Paths of one scale's results; `results` is the folder of all scales'."""

    scale: str
    results: Path = Path("results")

    @property
    def root(self) -> Path:
        """Folder of everything that Snakemake makes at this scale."""
        return self.results / self.scale

    @property
    def fingerprints(self) -> Path:
        """What each stage is made from, for DVC (JSON)."""
        return self.root / "fingerprints.json"

    def questions(self, name: str) -> Path:
        """Question table of `train` or of a benchmark; its manifest is the same path with `.json`."""
        return self.root / "data" / f"{name}.parquet"

    def model(self, init: str) -> Path:
        """Checkpoint folder of an initial model; its manifest lies beside it."""
        return self.root / "models" / init / "model"

    def run(self, arm: str, seed: int | str) -> Path:
        """Folder of a trained arm's run: model/, history.parquet, rollouts.parquet, manifest.json."""
        return self.root / "runs" / arm / str(seed)

    def checkpoint(self, arm: str, seed: int | str, step: int | str) -> Path:
        """Weights that a run has kept of a step on its way; they are in the run's manifest."""
        return self.run(arm, seed) / "checkpoints" / str(step)

    def checkpoint_predictions(self, arm: str, seed: int | str, step: int | str, benchmark: str) -> Path:
        """Responses of these weights to a benchmark (JSONL)."""
        return self.root / "curve" / arm / str(seed) / str(step) / f"{benchmark}.jsonl"

    @property
    def curve(self) -> Path:
        """Accuracy against steps, of every run that keeps weights (CSV)."""
        return self.root / "curve.csv"

    def predictions(self, arm: str, seed: int | str, benchmark: str, control: str | None = None) -> Path:
        """An arm's responses to a benchmark or its control questions (JSONL); their manifest has the suffix `.json`."""
        return self.root / "predictions" / arm / str(seed) / f"{_asked(benchmark, control)}.jsonl"

    def shard(self, arm: str, seed: int | str, benchmark: str, control: str | None, shard: object) -> Path:
        """A part of these responses, where several jobs share an evaluation."""
        return self.root / "predictions" / arm / str(seed) / f"{_asked(benchmark, control)}.shards" / f"{shard}.jsonl"

    def scores(self, arm: str, seed: int | str, benchmark: str, control: str | None = None) -> Path:
        """Scores of an arm's responses to a benchmark or to its control questions (JSONL), and a manifest (`.json`)."""
        return self.root / "scores" / arm / str(seed) / f"{_asked(benchmark, control)}.jsonl"

    def samples(self, arm: str, seed: int | str, benchmark: str) -> Path:
        """An arm's sampled answers to a benchmark (JSONL), and a manifest (`.json`)."""
        return self.predictions(arm, seed, benchmark, "samples")

    def sample_shard(self, arm: str, seed: int | str, benchmark: str, shard: object) -> Path:
        """A part of them, where several jobs share an evaluation."""
        return self.shard(arm, seed, benchmark, "samples", shard)

    def sample_scores(self, arm: str, seed: int | str, benchmark: str) -> Path:
        """What every scorer reads in them (JSONL), and a manifest (`.json`)."""
        return self.scores(arm, seed, benchmark, "samples")

    def interventions(self, arm: str, seed: int | str, benchmark: str) -> Path:
        """An arm's answers from its altered thoughts (JSONL), and a manifest (`.json`)."""
        return self.predictions(arm, seed, benchmark, "interventions")

    def intervention_shard(self, arm: str, seed: int | str, benchmark: str, shard: object) -> Path:
        """A part of them, where several jobs share an evaluation."""
        return self.shard(arm, seed, benchmark, "interventions", shard)

    def intervention_scores(self, arm: str, seed: int | str, benchmark: str) -> Path:
        """What is read in them (JSONL), and a manifest (`.json`)."""
        return self.scores(arm, seed, benchmark, "interventions")

    @property
    def summary(self) -> Path:
        """Every number of the study (JSON)."""
        return self.root / "summary.json"

    @property
    def report(self) -> Path:
        """Folder of the page and its tables."""
        return self.root / "report"

    @property
    def timings(self) -> Path:
        """Snakemake's benchmark files."""
        return self.root / "timings"

    @property
    def trackers(self) -> Path:
        """Folder of what training has reported to trackers; neither git nor DVC keeps it."""
        return self.root / "trackers"

    def work(self, *parts: int | str) -> Path:
        """Resume state: not an output of any rule, so that Snakemake never deletes it."""
        return Path("work") / self.scale / Path(*map(str, parts))

    def initial(self, study: Study, arm: str, seed: int | str) -> Path:
        """The checkpoint folder that an arm starts from; the manifest lies beside it."""
        init = study.arm(arm).init
        return self.model(init) if init in MODELS else self.run(init, seed) / "model"

    def weights(self, study: Study, arm: str, seed: int | str) -> Path:
        """The checkpoint folder that an arm is evaluated with; the manifest lies beside it."""
        return self.run(arm, seed) / "model" if study.arm(arm).trained else self.initial(study, arm, seed)

    def trajectories(self, study: Study, arm: str, seed: int | str) -> Path | None:
        """The table that an arm learns from in place of the bare answers."""
        source = study.arm(arm).trajectories
        if source is None:
            return None
        return Path(source.path) if source.path else self.run(str(source.arm), seed) / "rollouts.parquet"


class PartialLayout(Layout):
    """The same results, with a summary and a page of those that are there so far; no rule makes these two."""

    @property
    def summary(self) -> Path:
        """Every number so far (JSON)."""
        return self.work("partial", "summary.json")

    @property
    def report(self) -> Path:
        """Folder of the page so far and its tables."""
        return self.work("partial", "report")


def seeds_of(study: Study, arm: str) -> list[int | str]:
    """The seeds an arm is evaluated under: greedy answers of untrained weights need no more than one."""
    return list(study.seeds) if study.arm(arm).trained else [UNTRAINED]


def _asked(benchmark: str, control: str | None) -> str:
    """What is asked, as part of a file name."""
    return f"{benchmark}.{control}" if control else benchmark


def kept_steps(study: Study, arm: str) -> list[int]:
    """The steps whose weights the runs of an arm keep."""
    if not study.arm(arm).trained:
        return []
    recipe = study.recipe(arm)
    return (
        list(range(recipe.checkpoint_steps, recipe.steps + 1, recipe.checkpoint_steps))
        if recipe.checkpoint_steps
        else []
    )
