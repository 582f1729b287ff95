"""Where everything lies: the one place that knows the names of results. Paths are relative to the project's root."""

from dataclasses import dataclass
from pathlib import Path

from visualzero.config import Study

UNTRAINED = "untrained"  # stands where a seed would, for arms that have no weights of their own


@dataclass(frozen=True)
class Layout:
    """Paths of one scale's results."""

    scale: str

    @property
    def root(self) -> Path:
        """Folder of everything that Snakemake makes at this scale."""
        return Path("results") / self.scale

    def questions(self, name: str) -> Path:
        """Question table of `train` or of a benchmark; its manifest is the same path with `.json`."""
        return self.root / "data" / f"{name}.parquet"

    def model(self, init: str) -> Path:
        """Checkpoint folder of an initial model; its manifest lies beside it."""
        return self.root / "models" / init / "model"

    def run(self, arm: str, seed: int | str) -> Path:
        """Folder of a trained arm's run: model/, history.parquet, rollouts.parquet, manifest.json."""
        return self.root / "runs" / arm / str(seed)

    def predictions(self, arm: str, seed: int | str, benchmark: str) -> Path:
        """An arm's responses to a benchmark (JSONL)."""
        return self.root / "predictions" / arm / str(seed) / f"{benchmark}.jsonl"

    def scores(self, arm: str, seed: int | str, benchmark: str) -> Path:
        """Scores of an arm's responses to a benchmark (JSONL)."""
        return self.root / "scores" / arm / str(seed) / f"{benchmark}.jsonl"

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

    def work(self, *parts: int | str) -> Path:
        """Resume state: not an output of any rule, so that Snakemake never deletes it."""
        return Path("work") / self.scale / Path(*map(str, parts))

    def weights(self, study: Study, arm: str, seed: int | str) -> Path:
        """The checkpoint folder that an arm is evaluated with."""
        return self.run(arm, seed) / "model" if study.arm(arm).trained else self.model(study.arm(arm).init)


def seeds_of(study: Study, arm: str) -> list[int | str]:
    """The seeds an arm is evaluated under: greedy answers of untrained weights need no more than one."""
    return list(study.seeds) if study.arm(arm).trained else [UNTRAINED]
