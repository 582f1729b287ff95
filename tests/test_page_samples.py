"""What the page's browser of responses holds: a share chosen by rule, cues where a browser finds them, safe JSON."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from report_study import EVIL, write_study
from visualzero.report import ReportInputs, build_report
from visualzero.report.curves import courses
from visualzero.report.explorer import sample_sets
from visualzero.report.questions import QuestionTable
from visualzero.report.responses import response_set
from visualzero.report.rollouts import rollout_set, spread
from visualzero.report.sample_set import Room, SampleSet
from visualzero.report.scripts import embedded
from visualzero.report.shown import HEAD, TAIL, shown
from visualzero.report.summary import read_summary
from visualzero.report.tables import Arm, study_arms
from visualzero.report.traces import traces


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ReportInputs:
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def arms(study: ReportInputs) -> list[Arm]:
    return study_arms(read_summary(study.summary), study.arms, study.runs)


def responses(study: ReportInputs, arms: list[Arm], room: Room) -> SampleSet:
    return response_set(study, arms, "toyspace", QuestionTable(study.benchmarks["toyspace"]), room)


def test_questions_of_all_tasks_come_in_turn_with_all_their_responses(study: ReportInputs, arms: list[Arm]) -> None:
    found = responses(study, arms, Room(rows=13, bytes=10**6))
    assert [question["id"] for question in found.questions] == ["Count-0", "Depth-0", "Count-1"]
    assert [(row["arm"], row["seed"]) for row in found.rows[:4]] == [
        ("base", ""),
        ("base-sft", "1"),
        ("base-grpo", "1"),
        ("base-grpo", "2"),
    ]
    assert (len(found.rows), found.total) == (12, 64)
    assert found.columns == ["strict", EVIL]


def test_bytes_are_a_limit_too_and_one_question_is_always_there(study: ReportInputs, arms: list[Arm]) -> None:
    assert 1 < len(responses(study, arms, Room(rows=1000, bytes=30_000)).questions) < 16
    assert len(responses(study, arms, Room(rows=1, bytes=1)).questions) == 1


def test_a_rollout_has_its_rewards_and_its_prompt_all_its_steps(study: ReportInputs, arms: list[Arm]) -> None:
    assert study.train
    found = rollout_set(study, arms, QuestionTable(study.train), Room(rows=24, bytes=10**6))
    assert found
    assert found.columns == ["accuracy", "total"]
    assert [row["step"] for row in found.rows if row["seed"] == "1"] == [1, 1, 1, 1, 20, 20, 20, 20, 40, 40, 40, 40]
    first = found.rows[1]
    assert (first["values"], first["advantage"], first["verdict"], first["place"]) == ([1.0, 1.0], 1.0, "right", 2)
    assert found.questions[0]["task"] == "Count"


def test_prompts_are_known_by_their_id_where_the_training_table_is_not_there(
    study: ReportInputs, arms: list[Arm]
) -> None:
    found = rollout_set(study, arms, None, Room(rows=24, bytes=10**6))
    assert found
    assert (found.questions[0]["id"], found.questions[0]["answer"]) == ("Count-0", None)


def test_what_was_not_run_has_no_set(tmp_path: Path) -> None:
    assert sample_sets(ReportInputs("demo", tmp_path / "summary.json"), [], {}, None) == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10, 100])
def test_any_beginning_of_a_spread_order_is_spread(count: int) -> None:
    order = spread(count)
    assert sorted(order) == list(range(count))
    if count == 100:
        assert order[:5] == [0, 99, 49, 24, 74]


def cues(response: str) -> list[tuple[str, str]]:
    """The texts of the cues, cut out as a browser does it, with their names."""
    found = shown(response)
    units = found.text.encode("utf-16-le", "surrogatepass")
    return [(units[2 * start : 2 * end].decode("utf-16-le"), name) for start, end, name in found.cues]


def test_cues_are_where_a_browser_counts_them() -> None:
    text = "<think>\N{THINKING FACE} Left.\r\n Wait, it\u2019s far. Let me check again.</think> wait <answer>A</answer>"
    assert cues(text) == [("Wait", "wait"), ("Let me check again", "again")]
    assert cues("Hmm. It is A. <answer>A</answer>") == [("Hmm", "hmm")]
    assert cues("Wait, no think tags and no answer") == []


def test_of_a_long_text_head_and_tail_are_kept_with_their_cues() -> None:
    text = "Hmm. " + "word " * 20_000 + "Hmm. </think> <answer>A</answer>"
    assert len(shown(text).text) < HEAD + TAIL + 60
    assert cues(text) == [("Hmm", "hmm")] * 2
    assert cues("word " * 2_000 + "Hmm. " + "word " * 2_000 + "</think>") == []


def test_json_in_the_page_cannot_end_its_element() -> None:
    text = embedded({"text": "</script><!--\u2028"})
    assert "<" not in text
    assert json.loads(text) == {"text": "</script><!--\u2028"}


def test_the_policy_names_the_one_script_and_the_one_style_of_the_page(study: ReportInputs, tmp_path: Path) -> None:
    build_report(study, tmp_path / "report")
    page = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    [policy] = re.findall('http-equiv="Content-Security-Policy" content="(.*?)"', page)
    for kind, element in [
        ("script-src", '<script type="module">(.*?)</script>'),
        ("style-src", "<style>(.*?)</style>"),
    ]:
        [content] = re.findall(element, page, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}';" in html.unescape(policy)
    assert html.unescape(policy).startswith("default-src 'none';")
    assert " style=" not in page


def test_the_mean_over_seeds_is_taken_at_the_steps_that_all_have(study: ReportInputs, arms: list[Arm]) -> None:
    found: dict[str, Any] = {one["title"]: one["arms"] for one in traces(courses(arms, study.runs))["quantities"]}
    assert next(iter(found)) == "Reward"
    trace = found["Reward"]["base-grpo"]
    assert (trace["seeds"], len(trace["steps"]), "low" in trace) == (2, 40, False)
    assert trace["mean"][20] == pytest.approx(float(np.mean(np.arange(18, 23) / 20)))
    assert set(found["Loss"]) == {"base-sft", "base-grpo"}
