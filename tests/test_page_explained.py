"""The page's sections on what explains the differences: each opens with its claim, or says that it was not run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from report_study import EVIL, write_study
from visualzero.errors import UserError
from visualzero.report import ReportInputs, build_report
from visualzero.report.summary import read_summary
from visualzero.wording import NONE

SECTIONS = {"verdict": "VERDICT", "altered": "THOUGHT", "gains": "GAIN"}


def end(difference: float) -> dict[str, Any]:
    return {"difference": difference, "interval": [difference - 0.05, difference + 0.05], "p_holm": 0.01}


def kind(n: int) -> dict[str, Any]:
    shares = {"changed": 0.25, "right_to_wrong": 0.1, "wrong_to_right": 0.125, "unread": 0.0}
    return {"n": n, "accuracy": 0.5, "interval": [0.4, 0.6], **shares}


def causes() -> dict[str, Any]:
    arm = {
        "kinds": {"kept": kind(16), "cued": kind(8)},
        "contrasts": {
            "emptied": {"n": 16, "changed": end(0.35), "accuracy": end(-0.2)},
            "cue": {"n": 8, "changed": None, "accuracy": None},
        },
        "exchanged": {"options": 12, "numbers": 3},
        "cue": {"n": 8, "again": 0.375, "effect": [-0.0625, 0.3125]},
        "thought_verdict": "decides",
        "cue_verdict": "undecided",
        "claim": f"THOUGHT {EVIL} decides",
    }
    parts = {name: end(points) for name, points in (("form", 0.1), ("prior", 0.02), ("sight", -0.03))}
    share = {"n": 9, "accuracy": 0.625, "interval": [0.4, 0.8]}
    return {
        "interventions": {
            "benchmark": "toyspace",
            "samples": 8,
            "questions": 16,
            "temperature": 1.0,
            "margin": 0.05,
            "arms": {"base-grpo": arm},
        },
        "split": [
            {"a": "base-grpo", "b": "base", "difference": 0.09, "parts": parts, "claim": f"GAIN {EVIL}"},
            {"a": "base-sft", "b": "base", "parts": None, "claim": "LACKS the control"},
        ],
        "blind": {
            "benchmark": "toyspace",
            "learner": "a learner",
            "n": 16,
            "share": 0.1875,
            "share_interval": [0.0625, 0.375],
            "tells": [{"what": f"letter {place} {EVIL}", "folds": 6 - place} for place in range(1, 7)],
            "accuracy": 0.5,
            "interval": [0.3, 0.7],
            "chance": 0.4,
            "eyes": 9,
            "claim": "BLIND claim",
            "arms": {"base-grpo": {"eyes": share}},
        },
        "letters": {"base-sft": {"n": 16, "difference": 0.5, "interval": [0.2, 0.8], "claim": "LETTERS claim"}},
        "verdict": [
            {"a": "base-grpo", "b": "base", "claim": f"VERDICT {EVIL}", "untested": ["other seeds", EVIL]},
            {"a": "base-sft", "b": "base", "claim": "Nothing more.", "untested": []},
        ],
    }


def study(folder: Path, found: dict[str, Any] | None) -> ReportInputs:
    inputs = write_study(folder)
    content = json.loads(inputs.summary.read_text())
    if found is not None:
        content["causes"] = found
    inputs.summary.write_text(json.dumps(content))
    return inputs


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained")
    build_report(study(folder, causes()), folder / "report")
    return folder / "report"


@pytest.fixture(scope="module")
def page(report: Path) -> str:
    return (report / "index.html").read_text(encoding="utf-8")


def part(page: str, name: str) -> str:
    found = re.search(rf'<section>\n<h2 id="{name}">.*?</section>', page, flags=re.DOTALL)
    assert found
    return found[0]


@pytest.mark.parametrize("name", SECTIONS)
def test_each_section_opens_with_its_claim(page: str, name: str) -> None:
    _, after = part(page, name).split("</h2>\n", 1)
    assert after.lstrip().startswith(f'<p class="lead">{SECTIONS[name]} &lt;script&gt;')
    assert "<script>" not in after
    assert f'href="#{name}"' in page


def test_a_verdict_stands_beside_what_was_not_tested(page: str) -> None:
    rows = part(page, "verdict").split("<tr>")[2:]
    assert "other seeds; &lt;script&gt;" in rows[0]
    assert "Nothing more." in rows[1]
    assert f">{NONE}</td>" in rows[1]


def test_altered_thoughts_show_what_changed_what_was_right_and_what_was_not_run(page: str) -> None:
    section = part(page, "altered")
    assert "+35.0 changed" in section
    assert "\N{MINUS SIGN}20.0 right" in section
    assert "too few (8)" in section
    assert "[\N{MINUS SIGN}6.2, 31.2]" in section
    assert "37.5 % write one anyway" in section
    assert "options in 12 thoughts, numbers in 3 thoughts" in section
    row = re.search(r'<tr data-arm="base-sft">.*?</tr>', section, flags=re.DOTALL)
    assert row
    assert "not run" in row[0]


def test_gains_show_their_parts_and_what_was_not_tested(page: str) -> None:
    section = part(page, "gains")
    assert "+10.0<small>" in section
    assert 'class="soft">not run</span>' in section, "the thought"
    assert "LACKS the control" in section
    assert "BLIND claim" in section
    assert "LETTERS claim" in section
    assert "62.5<small>" in section


def test_the_share_of_questions_that_texts_answer_stands_with_its_interval_and_what_gives_them_away(page: str) -> None:
    section = part(page, "gains")
    assert "18.8<small>[6.2, 37.5]</small>" in section
    assert "letter 1 &lt;script&gt;" in section
    assert "letter 5" in section
    assert "letter 6" not in section
    assert "; and 1 more" in section


def test_a_summary_without_the_share_is_shown_without_it(tmp_path: Path) -> None:
    found = causes()
    for key in ("share", "share_interval", "tells"):
        del found["blind"][key]
    build_report(study(tmp_path, found), tmp_path / "report")
    section = part((tmp_path / "report/index.html").read_text(encoding="utf-8"), "gains")
    assert "BLIND claim" in section
    assert "Answered by their texts" not in section


def test_every_number_of_these_sections_is_listed_with_its_value(report: Path) -> None:
    listed = json.loads((report / "numbers.json").read_text(encoding="utf-8"))["numbers"]
    mine = [one for one in listed if one["section"] == "What gains are made of"]
    assert {one["value"] for one in mine} >= {0.09, 0.1, 0.02, -0.03, 0.625, 0.1875}
    assert any(one["what"] == "Sight" for one in mine)


def test_what_was_not_asked_for_is_not_run(tmp_path: Path) -> None:
    build_report(study(tmp_path, None), tmp_path / "report")
    page = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    for name in SECTIONS:
        assert '<p class="none">not run</p>' in part(page, name)
        assert f'href="#{name}"' not in page


def test_a_damaged_summary_is_told_by_its_key(tmp_path: Path) -> None:
    broken = causes() | {"blind": {"benchmark": "toyspace", "n": "many", "accuracy": 0.5, "eyes": 1}}
    inputs = study(tmp_path, broken)
    with pytest.raises(UserError, match=r"causes\.blind\.n: .* run the evaluate stage again"):
        read_summary(inputs.summary)
