"""Tables and figures for papers: the study's numbers, the same bytes each time."""

import csv
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from visualzero.cli import main

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "docs/demo"


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recorded demo's summary, with a history of an SFT and of a GRPO run."""
    monkeypatch.chdir(tmp_path)
    folder = Path("results/demo")
    for arm, more in (("base-sft", {}), ("base-grpo", {"reward": 0.5, "completion_length": 30.0})):
        run = folder / "runs" / arm / "1"
        run.mkdir(parents=True)
        pd.DataFrame([{"step": step, "loss": 1 / step, **more} for step in (1, 2, 3)]).to_parquet(
            run / "history.parquet"
        )
    shutil.copy(RECORDED / "summary.json", folder)
    return folder


def exported(form: str, *words: str) -> dict[str, bytes]:
    main(["export", form, *words, "--out", "out"])
    return {path.name: path.read_bytes() for path in sorted(Path("out").iterdir())}


def test_tables_have_the_numbers_of_the_summary(results: Path) -> None:
    tables = exported("tables", str(results))
    assert set(tables) == {
        f"{name}-toyspace.{kind}" for name in ("scores", "comparisons") for kind in ("csv", "md", "tex")
    }
    summary = json.loads((results / "summary.json").read_text())
    rows = {row["arm"]: row for row in csv.DictReader(tables["scores-toyspace.csv"].decode().splitlines())}
    assert list(rows) == list(summary["arms"])
    cell = summary["arms"]["base-grpo"]["seeds"]["1"]["toyspace"]
    assert float(rows["base-grpo"]["accuracy"]) == pytest.approx(cell["micro"], abs=1e-6)
    shown = f"{100 * cell['micro']:.1f} [{100 * cell['micro_interval'][0]:.1f}, {100 * cell['micro_interval'][1]:.1f}]"
    assert f"| Base + GRPO (R1-Zero) | 1 | {shown} |" in tables["scores-toyspace.md"].decode()
    assert f"Base + GRPO (R1-Zero) & 1 & {shown} &" in tables["scores-toyspace.tex"].decode()


def test_latex_is_ascii_with_signs_in_math_and_texts_escaped(results: Path) -> None:
    summary = json.loads((results / "summary.json").read_text())
    summary["arms"]["base"]["title"] = "100 % of it_self & more"
    (results / "summary.json").write_text(json.dumps(summary))
    tables = exported("tables", str(results))
    assert rb"100 \% of it\_self \& more" in tables["scores-toyspace.tex"]
    text = tables["comparisons-toyspace.tex"].decode("ascii")
    assert r"\toprule" in text
    assert "$-$" in text
    assert "$<$ 0.001" in text


def test_figures_are_the_same_bytes_each_time_and_their_text_is_text(results: Path) -> None:
    figures = exported("figures", str(results))
    assert set(figures) == {f"{name}.{kind}" for name in ("accuracy-toyspace", "training") for kind in ("svg", "pdf")}
    assert b"Base + GRPO (R1-Zero)" in figures["accuracy-toyspace.svg"]
    assert b"loss of SFT" in figures["training.svg"]
    assert all(figures[name].startswith(b"%PDF") for name in figures if name.endswith("pdf"))
    assert exported("figures", str(results)) == figures


def test_a_summary_alone_gives_the_figures_of_accuracy(results: Path) -> None:
    shutil.rmtree(results / "runs")
    assert set(exported("figures", str(results))) == {"accuracy-toyspace.svg", "accuracy-toyspace.pdf"}


@pytest.mark.parametrize("form", ["tables", "figures"])
def test_a_folder_without_results_is_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        exported(form, "nowhere")
    assert capsys.readouterr().err.startswith("error: nowhere: no summary.json there: run `snakemake all`")
