"""A study's results as pandas frames, for notebooks and scripts: `visualzero.results("results/demo")`.

Shares and accuracies lie between 0 and 1, lengths are in tokens, times in seconds. What hasn't been run has no rows.
docs/results.md lists the columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from visualzero.config.naming import unknown
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.layout import UNTRAINED, Layout
from visualzero.report.inputs import read_json, read_lines, read_parquet

OVER_SEEDS = "mean"  # stands where a seed would, for what is said over all of them


@dataclass(frozen=True)
class Results:
    """The results in a folder such as results/demo; each frame is read when it is first asked for."""

    folder: Path

    def __post_init__(self) -> None:
        if not self._layout.summary.is_file():
            raise UserError(
                f"{self.folder}: no summary.json there: run `snakemake all`, or name a folder like results/demo"
            )

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Every number of the study, as docs/statistics.md describes them."""
        content: dict[str, Any] = read_json(self._layout.summary, "summary")
        return content

    @property
    def benchmarks(self) -> list[str]:
        """Their names, the primary one first."""
        return list(self.summary["baselines"])

    @cached_property
    def scores(self) -> pd.DataFrame:
        """A row for each arm, seed and benchmark; accuracies in all and, with `task_` before their name, by task."""
        return pd.DataFrame(self._scores())

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """A row for each planned comparison, seed and benchmark, and one of seed "mean" if there are several seeds."""
        return pd.DataFrame(self._comparisons())

    @cached_property
    def sampled(self) -> pd.DataFrame:
        """A row for each sampled arm, seed and number of samples k: pass@k and majority@k; none if none were drawn."""
        return pd.DataFrame(list(self._sampled()), columns=["arm", "seed", "k", "passed", "low", "high", "majority"])

    @cached_property
    def history(self) -> pd.DataFrame:
        """What every training run logged, a row for each step; what a recipe doesn't log is missing."""
        runs = []
        for arm, seed in self._runs():
            table = read_parquet(self._layout.run(arm, seed) / "history.parquet", ["step"])
            if table is not None:
                runs.append(table.to_pandas().assign(arm=arm, seed=seed))
        if not runs:
            return pd.DataFrame(columns=["arm", "seed", "step"])
        joined = pd.concat(runs, ignore_index=True)
        return joined[["arm", "seed", *joined.columns.drop(["arm", "seed"])]]

    def rollouts(self, arm: str, seed: int | None = None) -> pd.DataFrame:
        """Every completion that a GRPO run has sampled, with its rewards and its advantage.

        `seed` may be left out where there is one.
        """
        mine = self._seed(arm, seed)
        table = read_parquet(self._layout.run(arm, mine) / "rollouts.parquet", ["step", "id", "completion"])
        if table is None:
            raise UserError(f"{self.folder}: no rollouts of {arm} under seed {mine}: GRPO alone has any")
        return table.to_pandas()

    def responses(
        self, arm: str, seed: int | None = None, benchmark: str | None = None, control: str | None = None
    ) -> pd.DataFrame:
        """An arm's responses to a benchmark, or to its control questions, with how they were scored.

        Args:
            arm: its name.
            seed: of the training; may be left out for an untrained arm and where there is one seed.
            benchmark: its name; the primary one if left out.
            control: `no_image`, `shuffled_image` or `swapped_options`.
        """
        name, mine = benchmark or self.benchmarks[0], self._seed(arm, seed)
        said = read_lines(self._layout.predictions(arm, mine, name, control), ["id", "response", "prompt"])
        scored = read_lines(self._layout.scores(arm, mine, name, control), ["id", "correct", "prediction", "readings"])
        if said is None or scored is None:
            asked = f"{name} ({control})" if control else name
            raise UserError(f"{self.folder}: no scored responses of {arm} under seed {mine} to {asked}")
        rows = pd.DataFrame(said)[["id", "prompt", "response"]].merge(pd.DataFrame(scored), on="id", validate="1:1")
        readings = pd.DataFrame(rows.pop("readings").tolist()).add_prefix("read_")
        chosen = ["prediction", *readings.columns]
        return rows.join(readings).astype(dict.fromkeys(chosen, "Int64"))  # the number of an option, or <NA>

    def questions(self, benchmark: str | None = None) -> pd.DataFrame:
        """The questions of a benchmark (the primary one if left out), or of `train`, without their images."""
        return read_questions(self._layout.questions(benchmark or self.benchmarks[0]), images=False)

    @property
    def _layout(self) -> Layout:
        return Layout(self.folder.name, self.folder.parent)

    def _seed(self, arm: str, seed: int | None) -> int | str:
        """The seed that is meant, or what stands where an untrained arm has none."""
        if arm not in self.summary["arms"]:
            raise UserError(unknown("arm", arm, self.summary["arms"]))
        seeds = self._seeds(arm)
        if seeds == [UNTRAINED] or (seed is None and len(seeds) == 1):
            return seeds[0]
        if seed not in seeds:
            raise UserError(f"{arm} has seeds {', '.join(map(str, seeds))}: name one of them, such as seed={seeds[0]}")
        return seed

    def _seeds(self, arm: str) -> list[int | str]:
        facts = self.summary["arms"][arm]
        return [int(seed) for seed in facts["seeds"]] if facts["trained"] else [UNTRAINED]

    def _runs(self) -> Iterator[tuple[str, int | str]]:
        for arm, facts in self.summary["arms"].items():
            if facts["trained"]:
                yield from ((arm, seed) for seed in self._seeds(arm))

    def _scores(self) -> Iterator[dict[str, Any]]:
        for arm, facts in self.summary["arms"].items():
            for seed, by_benchmark in facts["seeds"].items():
                for name, cell in by_benchmark.items():
                    low, high = cell["micro_interval"]
                    tasks = {f"task_{task}": one["accuracy"] for task, one in cell["tasks"].items()}
                    yield {
                        "benchmark": name,
                        "arm": arm,
                        "title": facts["title"],
                        "recipe": facts["recipe"],
                        "seed": int(seed) if facts["trained"] else UNTRAINED,
                        "n": sum(one["n"] for one in cell["tasks"].values()),
                        "accuracy": cell["micro"],
                        "low": low,
                        "high": high,
                        "official": cell["official"],
                        "parsed": cell["parse_rate"],
                        "wanted_form": cell["format_rate"],
                        "tokens": cell["response_tokens"]["mean"],
                        **tasks,
                    }
                if not facts["trained"]:
                    break  # the one evaluation stands under every seed

    def _comparisons(self) -> Iterator[dict[str, Any]]:
        for kind in ("comparisons", "comparisons_over_seeds"):
            for name, found in self.summary[kind].items():
                for one in found:
                    low, high = one["interval"]
                    gain = one["gain"] or {}
                    yield {
                        "benchmark": name,
                        "a": one["a"],
                        "b": one["b"],
                        "seed": int(one["seed"]) if "seed" in one else OVER_SEEDS,
                        "difference": one["difference"],
                        "low": low,
                        "high": high,
                        "p_holm": one["p_holm"],
                        "form": gain.get("format"),
                        "capability": gain.get("capability"),
                        "ahead": one["ahead"],
                        "claim": one["claim"],
                    }

    def _sampled(self) -> Iterator[dict[str, Any]]:
        sampling = self.summary.get("causes", {}).get("sampling") or {"arms": {}}
        for arm, found in sampling["arms"].items():
            over = {OVER_SEEDS: found["over_seeds"]} if found["over_seeds"] else {}
            for seed, curves in (found["seeds"] | over).items():
                drawn = zip(curves["pass"], curves["pass_intervals"], curves["majority"], strict=True)
                for k, (passed, (low, high), majority) in enumerate(drawn, 1):
                    yield {
                        "arm": arm,
                        "seed": int(seed) if seed.isdecimal() else seed,
                        "k": k,
                        "passed": passed,
                        "low": low,
                        "high": high,
                        "majority": majority,
                    }
