"""Results as pandas frames: `visualzero.results(folder)`."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import visualzero
from repository import ROOT
from visualzero.errors import UserError
from visualzero.frames import OVER_SEEDS, Results
from visualzero.layout import Layout

CELL = {
    "micro": 0.5,
    "micro_interval": [0.1, 0.9],
    "official": None,
    "tasks": {"Count": {"accuracy": 0.5, "n": 2}},
    "parse_rate": 1.0,
    "format_rate": 0.0,
    "response_tokens": {"mean": 3.0},
}
COMPARED = {"a": "grpo", "b": "base", "difference": 0.1, "interval": [0.0, 0.2], "p_holm": 0.04, "ahead": None}
COMPARED |= {"claim": "undecided", "gain": None}


@pytest.fixture
def study(tmp_path: Path) -> Results:
    """Two seeds of an arm, one untrained arm, one benchmark of two questions."""
    layout = Layout("small", tmp_path)

    def arm(trained: bool) -> dict:
        return {"title": "T", "recipe": "r", "trained": trained, "seeds": {"1": {"toy": CELL}, "2": {"toy": CELL}}}

    summary = {
        "baselines": {"toy": {}},
        "arms": {"base": arm(False), "grpo": arm(True)},
        "comparisons": {"toy": [COMPARED | {"seed": "1"}, COMPARED | {"seed": "2"}]},
        "comparisons_over_seeds": {"toy": [COMPARED]},
    }
    run = layout.run("grpo", 2)
    run.mkdir(parents=True)
    layout.summary.write_text(json.dumps(summary))
    pd.DataFrame({"step": [1, 2], "loss": [0.5, 0.25]}).to_parquet(run / "history.parquet")
    pd.DataFrame({"step": [1], "id": ["q"], "completion": ["A"]}).to_parquet(run / "rollouts.parquet")
    for seed in ("untrained", 2):
        name = "base" if seed == "untrained" else "grpo"
        said = [{"id": n, "response": n * 2, "prompt": "chat"} for n in "qr"]
        scored = [
            {"id": n, "correct": hit, "prediction": 1 if hit else None, "readings": {"strict": None, "lmms": 0}}
            for n, hit in (("q", True), ("r", False))
        ]
        for path, rows in ((layout.predictions(name, seed, "toy"), said), (layout.scores(name, seed, "toy"), scored)):
            path.parent.mkdir(parents=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return visualzero.results(tmp_path / "small")


def test_scores_of_the_recorded_demo_are_those_of_its_table() -> None:
    scores = visualzero.results(ROOT / "docs/demo").scores
    with (ROOT / "docs/demo/arms.csv").open(newline="") as lines:
        table = {(row["benchmark"], row["arm"]): row for row in csv.DictReader(lines) if row["kind"] == "arm"}
    assert len(scores) == len(table)
    for row in scores.itertuples():
        told = table[row.benchmark, row.arm]
        assert float(told["micro"]) == pytest.approx(row.accuracy)
        assert float(told["task_Depth"]) == pytest.approx(row.task_Depth)


def test_an_untrained_arm_has_one_row_of_scores_and_a_trained_one_a_row_for_each_seed(study: Results) -> None:
    assert list(zip(study.scores["arm"], study.scores["seed"], strict=True)) == [
        ("base", "untrained"),
        ("grpo", 1),
        ("grpo", 2),
    ]


def test_comparisons_have_one_row_over_the_seeds(study: Results) -> None:
    assert list(study.comparisons["seed"]) == [1, 2, OVER_SEEDS]
    assert study.comparisons["form"].isna().all()


def test_histories_of_all_runs_stand_in_one_frame(study: Results) -> None:
    assert study.history.to_dict("list") == {"arm": ["grpo"] * 2, "seed": [2, 2], "step": [1, 2], "loss": [0.5, 0.25]}


def test_responses_stand_beside_their_scores(study: Results) -> None:
    rows = study.responses("grpo", seed=2)
    assert list(rows["response"]) == ["qq", "rr"]
    assert rows["prediction"].tolist() == [1, pd.NA]
    assert rows["read_lmms"].tolist() == [0, 0]
    assert study.responses("base")["correct"].tolist() == [True, False]
    assert study.rollouts("grpo", 2)["completion"].tolist() == ["A"]


def test_what_is_not_there_is_told_in_one_line(study: Results, tmp_path: Path) -> None:
    for ask, said in {
        lambda: visualzero.results(tmp_path): "no summary.json there",
        lambda: study.rollouts("grpo"): "grpo has seeds 1, 2: name one of them",
        lambda: study.rollouts("gpro", 1): "did you mean 'grpo'",
        lambda: study.rollouts("grpo", 1): "no rollouts of grpo under seed 1",
        lambda: study.responses("base", control="no_image"): r"to toy \(no_image\)",
    }.items():
        with pytest.raises(UserError, match=said):
            ask()


def test_the_notebook_shows_the_recorded_demo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its cells run, and the claims that it shows are those of docs/demo."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(ROOT / "docs")
    cells = [cell for cell in json.loads(Path("results.ipynb").read_text())["cells"] if cell["cell_type"] == "code"]
    space: dict[str, object] = {}
    for cell in cells:
        exec("".join(cell["source"]), space)  # a cell of our own docs
    shown = "".join(text for cell in cells for out in cell["outputs"] for text in out.get("text", []))
    assert capsys.readouterr().out == shown, "run scripts/notebook and commit docs/results.ipynb"
    assert shown.count("\n") >= 5


def test_importing_the_package_loads_no_pandas() -> None:
    check = "import sys, visualzero; visualzero.results; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_samples_have_a_row_for_each_arm_seed_and_number(study: Results) -> None:
    assert study.sampled.empty
    curves = {"pass": [0.25, 0.5], "pass_intervals": [[0.1, 0.4], [0.3, 0.7]], "majority": [0.25, 0.25]}
    study.summary["causes"] = {
        "sampling": {
            "arms": {
                "base": {"seeds": {"untrained": curves}, "over_seeds": None},
                "grpo": {"seeds": {"1": curves, "2": curves}, "over_seeds": curves},
            }
        }
    }
    rows = Results(study.folder)
    rows.__dict__["summary"] = study.summary
    assert rows.sampled["seed"].tolist() == ["untrained"] * 2 + [1, 1, 2, 2, OVER_SEEDS, OVER_SEEDS]
    [second] = rows.sampled.query("arm == 'base' and k == 2").to_dict("records")
    assert (second["passed"], second["low"], second["high"], second["majority"]) == (0.5, 0.3, 0.7, 0.25)
