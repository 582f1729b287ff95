"""The page's section on sampled answers: its claim first, every arm's curves, and "not run" where nothing was."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from report_study import EVIL, write_study
from visualzero.errors import UserError
from visualzero.report import ReportInputs, build_report
from visualzero.report.causes import sampled_view
from visualzero.report.summary import read_summary
from visualzero.report.tables import study_arms

N = 8
CLAIM = f"Base + GRPO is ahead of Base {EVIL} with one sample, and behind with 8 samples"


def curves(first: float, last: float) -> dict[str, Any]:
    made: dict[str, Any] = {"accuracy": first}
    for name in ("pass", "majority"):
        made[name] = [first + (last - first) * k / (N - 1) for k in range(N)]
        made[f"{name}_intervals"] = [[max(0.0, value - 0.05), min(1.0, value + 0.05)] for value in made[name]]
    return made


def run(first: float, last: float) -> dict[str, Any]:
    return curves(first, last) | {
        "error": 0.02,
        "question_error": 0.015,
        "read": 0.9,
        "tokens": 12.0,
        "reflecting": 0.375,
    }


def end(difference: float, sign: int) -> dict[str, Any]:
    return {"difference": difference, "interval": [difference - 0.05, difference + 0.05], "p_holm": 0.01, "sign": sign}


def alone(ids: list[str]) -> dict[str, Any]:
    rows = [{"id": name, "right": 8 - i, "p_holm": 0.001 if i == 0 else 1.0} for i, name in enumerate(ids)]
    return {"n": len(ids), "told": min(1, len(ids)), "expected": 0.5, "unseen": 0.369, "questions": rows}


def sampling() -> dict[str, Any]:
    scorers = {"strict": {"pass": {"1": 0.5, "8": 0.7}, "read": 0.9}, EVIL: {"pass": {"1": 0.0, "8": 0.0}, "read": 0.0}}
    return {
        "benchmark": "toyspace",
        "scorer": "strict",
        "samples": N,
        "questions": 16,
        "temperature": 1.0,
        "guessing": [1 - 0.5**k for k in range(1, N + 1)],
        "arms": {
            "base": {"seeds": {"untrained": run(0.2, 0.8)}, "over_seeds": None, "scorers": scorers},
            "base-grpo": {
                "seeds": {"1": run(0.5, 0.7), "2": run(0.6, 0.7)},
                "over_seeds": curves(0.55, 0.7),
                "scorers": scorers,
            },
        },
        "comparisons": [
            {
                "a": "base-grpo",
                "b": "base",
                "seeds": ["1", "2"],
                "one": end(0.35, 1),
                "all": end(-0.1, -1),
                "crossing": {"k": 6, "low": 4, "high": None, "share": 0.9},
                "verdict": "sharpens",
                "claim": CLAIM,
                "only_a": alone([]),
                "only_b": alone(["Count-1", EVIL]),
                "scorers": {"strict": {"one": end(0.35, 1), "all": end(-0.1, -1)}},
            }
        ],
    }


def study(folder: Path, causes: dict[str, Any] | None) -> ReportInputs:
    inputs = write_study(folder)
    content = json.loads(inputs.summary.read_text())
    if causes is not None:
        content["causes"] = causes
    inputs.summary.write_text(json.dumps(content))
    return inputs


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("sampled")
    build_report(study(folder, {"sampling": sampling()}), folder / "report")
    return part((folder / "report/index.html").read_text(encoding="utf-8"))


def part(page: str) -> str:
    found = re.search(r'<section>\n<h2 id="causes">.*?</section>', page, flags=re.DOTALL)
    assert found
    return found[0]


def test_it_opens_with_its_claim(section: str) -> None:
    _, after = section.split("</h2>\n", 1)
    assert after.startswith('<p class="lead">Base + GRPO is ahead of Base &lt;script&gt;')


def test_every_sampled_arm_has_a_curve_of_each_kind_and_guessing_its_own(section: str) -> None:
    charts = section.split("<figure>")[1:]
    assert len(charts) == 2
    for chart in charts:
        assert chart.count('class="mean"') == chart.count('class="band"') == 2
    assert [chart.count('class="guess"') for chart in charts] == [1, 0]
    first = re.search(r'class="mean" points="([^"]*)"', charts[0])
    assert first
    points = [tuple(map(float, pair.split(","))) for pair in first[1].split()]
    assert points[0] == (0, 240)
    assert points[-1] == (1000, 60)
    assert points[3][0] == 667, "four samples stand at two thirds of eight, in powers of two"


def test_the_table_has_pass_at_powers_of_two_and_says_which_arms_were_not_sampled(section: str) -> None:
    for column in ("accuracy (pass@1)", "pass@2", "pass@4", "pass@8", "majority@8"):
        assert f">{column}</th>" in section
    assert "mean of 2" in section
    assert "1.5 by questions alone" in section
    assert ">37.5<small>" in section
    row = re.search(r'<tr data-arm="later">.*?</tr>', section, flags=re.DOTALL)
    assert row
    assert "not run" in row[0]


def test_pairs_say_where_they_cross_and_what_only_one_could_do(section: str) -> None:
    assert "<b>+35.0</b>" in section
    assert "<b>\N{MINUS SIGN}10.0</b>" in section
    assert "6 [4, &gt; 8]" in section
    assert "0.5 by luck" in section
    assert "36.9 %" in section
    assert "Count-1 (8)*" in section
    assert "<script>" not in section


def test_what_was_not_sampled_is_not_run(tmp_path: Path) -> None:
    build_report(study(tmp_path, None), tmp_path / "report")
    page = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    assert '<p class="none">not run</p>' in part(page)
    assert 'href="#causes"' not in page


def test_many_samples_are_drawn_through_a_few_points(tmp_path: Path) -> None:
    causes = sampling()
    causes["samples"] = 512
    causes["arms"] = {"base": {"seeds": {"untrained": run(0.1, 0.2) | {"pass": [0.1] * 512, "pass_intervals": []}}}}
    summary = read_summary(study(tmp_path, {"sampling": causes | {"guessing": [0.5] * 512}}).summary)
    view = sampled_view(summary, study_arms(summary, {}, []))
    assert view
    assert len(view.charts[0].curves[0].line.split()) <= 65
    assert view.columns == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert view.charts[0].x[0].label == "1"


def test_a_damaged_summary_is_told_by_its_key(tmp_path: Path) -> None:
    broken = sampling() | {"samples": "many"}
    inputs = study(tmp_path, {"sampling": broken})
    with pytest.raises(UserError, match=r"causes\.sampling\.samples: .* run the evaluate stage again"):
        read_summary(inputs.summary)
