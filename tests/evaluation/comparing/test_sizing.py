"""`visualzero power`: what a study of so many seeds and questions finds, from assumptions or from an earlier one."""

import json
from pathlib import Path

import pytest

from visualzero.cli import main

SPREAD = {"seeds": 0.02, "shared": 0.1, "single": 0.3}
OVER = {"a": "grpo", "b": "sft", "seeds": {"1": 0.1, "2": 0.2}, "n": 800, "n_images": 400, "spread": SPREAD}
SINGLE = {"a": "sft", "b": "base", "seed": "1", "error": 0.02, "n": 800, "n_images": 800}
SUMMARY = {"comparisons": {"toy": [SINGLE]}, "comparisons_over_seeds": {"toy": [OVER]}}


@pytest.fixture
def summary(tmp_path: Path) -> str:
    (tmp_path / "summary.json").write_text(json.dumps(SUMMARY))
    return str(tmp_path / "summary.json")


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    main(["power", *arguments, "--json"])
    return json.loads(capsys.readouterr().out)


def test_from_assumptions_one_seed_is_the_published_formula(capsys: pytest.CaptureFixture[str]) -> None:
    # 2.80 * sqrt(.2 / 2638) = 2.4 points and .4: 3.5 points, for CV-Bench's size.
    assert planned(capsys, "--discordance", "0.2")["detectable"]["1"]["2638"] == pytest.approx(0.0244, abs=1e-4)
    assert planned(capsys)["detectable"]["1"]["2638"] == pytest.approx(0.0345, abs=1e-4)


def test_more_seeds_and_more_questions_find_smaller_differences(capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, "--seeds", "2,3,5,10", "--questions", "150,800")["detectable"]
    assert [found[seeds]["800"] for seeds in ("2", "3", "5", "10")] == sorted(
        (r["800"] for r in found.values()), reverse=True
    )
    assert all(row["800"] < row["150"] for row in found.values())


def test_a_stricter_level_and_more_power_need_more(capsys: pytest.CaptureFixture[str]) -> None:
    plain = planned(capsys)["detectable"]["3"]["800"]
    assert planned(capsys, "--alpha", "0.01")["detectable"]["3"]["800"] > plain
    assert planned(capsys, "--power", "0.9")["detectable"]["3"]["800"] > plain
    assert planned(capsys, "--per-image", "3", "--alike", "0.5")["detectable"]["3"]["800"] > plain
    assert planned(capsys, "--seed-sd", "0", "--shared", "1")["detectable"]["3"]["800"] < plain


def test_the_questions_that_a_difference_takes_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, "--difference", "0.03")
    assert found["needed"]["1"] == pytest.approx((2.8016 / 0.03) ** 2 * 0.4, rel=0.01)
    assert found["needed"]["3"] is None
    needed = found["needed"]["10"]
    again = planned(capsys, "--seeds", "10", "--questions", f"{needed},{needed - 50}")["detectable"]["10"]
    assert again[str(needed)] <= 0.03 < again[str(needed - 50)]


def test_a_study_that_is_finished_gives_its_spread(capsys: pytest.CaptureFixture[str], summary: str) -> None:
    found = planned(capsys, summary)
    assert found["spread"] == SPREAD
    assert (found["per_image"], found["where"]) == (2.0, f"{summary}: grpo minus sft on toy, 2 seeds")
    assert planned(capsys, summary, "--seed-sd", "0.05")["spread"]["seeds"] == 0.05


def test_of_one_seed_the_spread_of_trainings_is_assumed(capsys: pytest.CaptureFixture[str], summary: str) -> None:
    found = planned(capsys, summary, "--pair", "sft", "base")
    assert found["spread"] == {"seeds": 0.02, "shared": pytest.approx(0.16), "single": pytest.approx(0.16)}
    assert found["where"].endswith("sft minus base on toy, seed 1")


def test_two_scored_files_give_the_discordance(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = []
    for name, right in (("a", range(30)), ("b", range(10, 40))):
        rows = [{"id": i, "correct": i in right, "image_id": str(i)} for i in range(100)]
        files.append(str(tmp_path / f"{name}.jsonl"))
        Path(files[-1]).write_text("".join(json.dumps(row) + "\n" for row in rows))
    spread = planned(capsys, *files)["spread"]
    assert spread["shared"] + spread["single"] == pytest.approx(0.2 * 100 / 99)


def test_the_table_fits_a_terminal(capsys: pytest.CaptureFixture[str], summary: str) -> None:
    main(["power", "--difference", "0.03"])
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert "      1 |     14.6      8.9      6.3      3.5  of that training only" in said
    assert "      3 seeds: no number is enough: it takes more seeds" in said
    with pytest.raises(SystemExit):
        main(["power", "--help"])
    assert "visualzero power results/demo/summary.json --pair base-grpo base-sft" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no.json"], "no.json: no summary of a study ("),
        (["{summary}", "--pair", "grpo", "base"], "no such comparison on toy: choose --pair from: grpo sft, sft base"),
        (["{summary}", "--benchmark", "other"], "no summary of a study (KeyError('other'))"),
        (["a", "b", "c"], "3 files: give none, one summary.json, or the scored responses of two arms"),
    ],
)
def test_what_can_not_be_planned_with_is_told_in_a_line(
    capsys: pytest.CaptureFixture[str], summary: str, arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["power", *(one.format(summary=summary) for one in arguments)])
    [line] = capsys.readouterr().err.splitlines()
    assert end.value.code == 1
    assert told in line


@pytest.mark.parametrize("arguments", [["--seeds", "1,x"], ["--per-image", "0.5"], ["--alpha", "1"], ["--shared", "2"]])
def test_numbers_that_are_none_are_refused(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["power", *arguments])
    assert end.value.code == 2
    assert f"'{arguments[1]}' is no " in capsys.readouterr().err
