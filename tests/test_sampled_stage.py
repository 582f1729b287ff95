"""The sample stage on the tiny model: what is published, what it depends on, and what a mistake looks like."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from repository import ROOT
from scored_study import LAYOUT
from visualzero import jobs
from visualzero.causes import sample
from visualzero.causes.gathering import gather_samples
from visualzero.causes.reading import read_samples, sample_rows
from visualzero.causes.sample import sample_arm
from visualzero.config import Study, read_study
from visualzero.data.question import read_questions, write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.errors import UserError
from visualzero.evaluation.answering.shards import shards
from visualzero.evaluation.reading.score import read_rows, verified_rows
from visualzero.evaluation.summary.sampled import sampled
from visualzero.layout import UNTRAINED
from visualzero.manifest import read_manifest, verify, write_manifest
from visualzero.reruns.lineage import stage_fingerprints
from visualzero.reruns.trust import manifests, outputs

if TYPE_CHECKING:
    import pandas as pd

pytestmark = pytest.mark.usefixtures("one_thread")
ON = "causes.sampling={samples: 4, questions: 6, batch_size: 2, arms: [base, base-reason]}"
SAMPLES, SCORES = (of("base", UNTRAINED, "toyspace") for of in (LAYOUT.samples, LAYOUT.sample_scores))


def a_study(*overrides: str) -> Study:
    return read_study(ROOT / "config/config.yaml", [ON, "evaluate.max_new_tokens=6", *overrides])


@pytest.fixture
def study(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study in a folder of its own, with sixteen questions and a base model."""
    monkeypatch.chdir(tmp_path)
    questions = LAYOUT.questions("toyspace")
    write_questions(toyspace_rows("bench", 16, 3), questions)
    write_manifest(questions.with_suffix(".json"), [questions], "0" * 16)
    shutil.copytree(tiny_model.parent, LAYOUT.model("base").parent)
    return a_study()


# What is published


def test_samples_are_published_with_a_manifest_and_read_by_every_scorer(study: Study) -> None:
    sample_arm(study, LAYOUT, "base", UNTRAINED)
    verify(SAMPLES.with_suffix(".json"))
    manifest, rows = read_manifest(SAMPLES.with_suffix(".json")), read_rows(SAMPLES)
    assert manifest["fingerprint"] == jobs.sample_fingerprint(study, "base")
    assert manifest["sampling"]["samples"] == 4
    assert [len(row["responses"]) for row in rows] == [4] * 6
    assert not Path("work/demo/samples").exists() or not list(Path("work/demo/samples").rglob("*.jsonl"))
    read_samples(study, LAYOUT, "base", UNTRAINED)
    scored = verified_rows(SCORES)
    assert [row["id"] for row in scored] == [row["id"] for row in rows]
    assert all(len(read) == 4 for row in scored for read in row["readings"].values())
    found = sampled({("base", UNTRAINED): scored}, scorer="strict", titles={"base": "Base"}, comparisons=[])
    assert (found["samples"], found["questions"]) == (4, 6)
    assert {*outputs(study, LAYOUT)} >= {SAMPLES, SCORES, SAMPLES.with_suffix(".json"), SCORES.with_suffix(".json")}
    assert manifests(study, LAYOUT)[SAMPLES.with_suffix(".json")] == manifest["fingerprint"]


def test_shards_are_joined_to_the_bytes_of_one_job(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "WINDOW", 1)
    sample_arm(study, LAYOUT, "base", UNTRAINED)
    whole = SAMPLES.read_bytes()
    SAMPLES.unlink()
    several = a_study("evaluate.shards=2")
    for shard in shards(2):
        sample_arm(several, LAYOUT, "base", UNTRAINED, shard)
    assert not SAMPLES.exists()
    gather_samples(several, LAYOUT, "base", UNTRAINED)
    assert SAMPLES.read_bytes() == whole
    verify(SAMPLES.with_suffix(".json"))


def test_a_stage_that_was_ended_goes_on_and_one_of_another_temperature_does_not(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    whole = sample.draw

    def dying(batches: Any, **given: Any) -> Any:
        for number, made in enumerate(whole(batches, **given)):
            drawn.append(number)
            yield made
            if len(drawn) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(sample, "WINDOW", 1)
    monkeypatch.setattr(sample, "draw", dying)
    with pytest.raises(KeyboardInterrupt):
        sample_arm(study, LAYOUT, "base", UNTRAINED)
    assert not SAMPLES.exists()
    sample_arm(a_study("causes.sampling.temperature=0.5"), LAYOUT, "base", UNTRAINED)
    assert len(drawn) == 2 + 3, "all three windows are drawn anew"
    sample_arm(study, LAYOUT, "base", UNTRAINED)
    assert len(drawn) == 2 + 3 + 1


def test_every_arm_is_asked_the_same_questions_drawn_by_the_seed(study: Study) -> None:
    table = read_questions(LAYOUT.questions("toyspace"), images=False)
    from visualzero.causes.chosen import chosen

    asked = chosen(table, study.sampling)["id"].tolist()
    assert asked == [name for name in table["id"] if name in asked]
    assert len(asked) == 6
    assert chosen(table, a_study("causes.sampling.seed=1").sampling)["id"].tolist() != asked
    assert chosen(table, a_study("causes.sampling.questions=99").sampling) is table


def test_what_scorers_read_stands_in_the_order_of_the_samples(toyspace: "pd.DataFrame") -> None:
    row = toyspace.iloc[0]
    right = int(row["answer_index"])
    said = [f"<answer>{row['choices'][right]}</answer>", "I see", f"<answer>{row['choices'][right]}</answer>"]
    drawn = {"responses": said, "n_tokens": [3, 2, 3], "finish_reasons": ["stop"] * 3}
    [scored] = sample_rows([drawn], toyspace.iloc[:1], think_prefix=False)
    assert scored["readings"]["strict"] == [right, None, right]
    assert scored["reflecting"] == 0
    drawn = drawn | {"responses": ["It is left. Wait, no.</think> I see", *said[1:]]}
    [scored] = sample_rows([drawn], toyspace.iloc[:1], think_prefix=True)
    assert scored["reflecting"] == 1


# What it depends on


def test_turning_it_on_makes_no_training_response_or_score_stale() -> None:
    off, on = read_study(ROOT / "config/config.yaml", []), read_study(ROOT / "config/config.yaml", [ON])
    for arm in off.arms:
        assert jobs.predict_fingerprint(off, arm, "toyspace") == jobs.predict_fingerprint(on, arm, "toyspace")
        assert jobs.score_fingerprint(off, arm) == jobs.score_fingerprint(on, arm)
    before, after = stage_fingerprints(off), stage_fingerprints(on)
    assert before["train"] == after["train"]
    changed = {arm for arm in off.arms if before["evaluate"][arm] != after["evaluate"][arm]}
    assert changed == {"base", "base-reason"}
    assert jobs.summary_fingerprint(off) != jobs.summary_fingerprint(on)


@pytest.mark.parametrize(
    ("key", "value", "stale"),
    [
        ("samples", 5, True),
        ("temperature", 0.7, True),
        ("top_p", 0.9, True),
        ("seed", 3, True),
        ("questions", 7, True),
        ("batch_size", 3, True),
        ("arms", "[base]", False),
    ],
)
def test_samples_depend_on_how_they_are_drawn_and_not_on_who_else_is_sampled(key: str, value: Any, stale: bool) -> None:
    before, after = a_study(), a_study(f"causes.sampling.{key}={value}")
    assert (jobs.sample_fingerprint(before, "base") != jobs.sample_fingerprint(after, "base")) == stale
    assert jobs.summary_fingerprint(before) != jobs.summary_fingerprint(after)
    assert jobs.predict_fingerprint(before, "base", "toyspace") == jobs.predict_fingerprint(after, "base", "toyspace")


def test_neither_shards_nor_the_greedy_batch_change_samples() -> None:
    before = jobs.sample_fingerprint(a_study(), "base")
    assert jobs.sample_fingerprint(a_study("evaluate.shards=3", "evaluate.batch_size=2"), "base") == before


# Mistakes


def test_an_arm_that_is_not_sampled_is_told(study: Study) -> None:
    with pytest.raises(UserError, match=r"causes\.sampling\.arms: 'instruct' is not among them"):
        sample_arm(study, LAYOUT, "instruct", UNTRAINED)


def test_a_study_without_samples_says_how_to_ask_for_them() -> None:
    study = read_study(ROOT / "config/config.yaml", [])
    with pytest.raises(UserError, match=r"causes\.sampling: no answers are sampled: ask for them"):
        assert study.sampling


def test_samples_of_other_questions_are_not_scored(study: Study) -> None:
    sample_arm(study, LAYOUT, "base", UNTRAINED)
    with pytest.raises(UserError, match=r"samples\.jsonl: not samples of the questions that are asked: delete"):
        read_samples(a_study("causes.sampling.questions=5"), LAYOUT, "base", UNTRAINED)
    assert not SCORES.exists()


def test_arms_of_a_set_that_is_run_can_be_sampled() -> None:
    study = read_study(ROOT / "config/config.yaml", ["run=losses", "causes.sampling={arms: [base-papo]}"])
    assert list(study.sampled_arms()) == ["base-papo"]


@pytest.mark.parametrize(
    ("sampling", "told"),
    [
        ("{arms: [bse]}", r"causes\.sampling\.arms\.0: unknown arm 'bse'; did you mean 'base'"),
        ("{arms: [base, base]}", r"causes\.sampling\.arms: listed twice: base"),
        ("{arms: [base-gpg]}", r"causes\.sampling\.arms: none of them is run"),
        ("{benchmark: cvbench}", r"causes\.sampling\.benchmark: unknown benchmark 'cvbench'"),
        ("{samples: 1}", r"causes\.sampling\.samples: must be greater than or equal to 2, not 1"),
        ("{temperature: 0}", r"causes\.sampling\.temperature: must be greater than 0"),
        ("{sample: 3}", r"causes\.sampling\.sample: unknown key 'sample'; did you mean 'samples'"),
    ],
)
def test_a_mistake_in_the_config_is_told_in_one_line(sampling: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as error:
        read_study(ROOT / "config/config.yaml", [f"causes.sampling={sampling}"])
    assert len(str(error.value).splitlines()) == 1


def test_the_manifest_says_how_the_samples_were_drawn(study: Study) -> None:
    sample_arm(study, LAYOUT, "base-reason", UNTRAINED)
    path = LAYOUT.samples("base-reason", UNTRAINED, "toyspace").with_suffix(".json")
    said = json.loads(path.read_text())
    assert said["style"] == "r1_zero"
    assert {"samples", "temperature", "top_p", "seed", "questions"} <= said["sampling"].keys()
