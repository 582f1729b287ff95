"""The stage that alters thoughts: what the model goes on from, what is published, what it depends on."""

import json
import shutil
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from repository import ROOT
from scored_study import LAYOUT
from visualzero import jobs
from visualzero.causes import intervene
from visualzero.causes.continuing import go_on
from visualzero.causes.drawing import Window
from visualzero.causes.intervene import gather_interventions, intervene_arm
from visualzero.causes.reading_altered import read_interventions
from visualzero.causes.thoughts import altered_thoughts
from visualzero.config import Study, read_study
from visualzero.data.question import read_questions, write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.errors import UserError
from visualzero.evaluation.answering.asking import Asked
from visualzero.evaluation.answering.shards import shards
from visualzero.evaluation.reading.score import read_rows, verified_rows
from visualzero.evaluation.reasoning.altering import KINDS
from visualzero.evaluation.summary.altered import altered
from visualzero.layout import UNTRAINED
from visualzero.manifest import read_manifest, verify, write_manifest
from visualzero.reruns.lineage import stage_fingerprints
from visualzero.reruns.trust import manifests, outputs

pytestmark = pytest.mark.usefixtures("one_thread")
ON = "causes.interventions={samples: 2, questions: 12, batch_size: 2, arms: [base-reason]}"
ARM, NAME = "base-reason", "toyspace"
RESPONSES, ROWS, SCORES = (
    of(ARM, UNTRAINED, NAME) for of in (LAYOUT.predictions, LAYOUT.interventions, LAYOUT.intervention_scores)
)
THINKING = 10  # of the sixteen responses


def a_study(*overrides: str) -> Study:
    return read_study(ROOT / "config/config.yaml", [ON, "evaluate.max_new_tokens=6", *overrides])


@pytest.fixture
def study(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study in a folder of its own, with a base model and its responses to sixteen questions."""
    monkeypatch.chdir(tmp_path)
    questions = LAYOUT.questions(NAME)
    write_questions(toyspace_rows("bench", 16, 3), questions)
    write_manifest(questions.with_suffix(".json"), [questions], "0" * 16)
    shutil.copytree(tiny_model.parent, LAYOUT.model("base").parent)
    respond(THINKING)
    return a_study()


def respond(thinking: int) -> None:
    """Responses whose first ones think and reconsider, and the others don't."""
    table = read_questions(LAYOUT.questions(NAME), images=False)
    rows = []
    for place, row in enumerate(table.itertuples()):
        said = f"It is {row.choices[0]}. Wait, let me look. It is {row.choices[1]}." if place < thinking else " "
        response = f"{said}</think> <answer>{row.choices[1]}</answer>"
        rows.append({"id": row.id, "response": response, "n_tokens": 9, "finish_reason": "stop"})
    RESPONSES.parent.mkdir(parents=True, exist_ok=True)
    RESPONSES.write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_manifest(RESPONSES.with_suffix(".json"), [RESPONSES], "0" * 16)


def thought_of(one: Asked) -> str:
    return one.prompt.rpartition("<think>")[2]


def scripted(windows: Iterable[Window], samples: int = 2, **_: Any) -> Iterator[list[Any]]:
    """A model that answers with the first option, unless it has just said "Wait": then with the second."""
    for window in windows:
        said = []
        for one in chain.from_iterable(window):
            chosen = one.choices[int(thought_of(one).endswith("Wait"))]
            close = "" if "</think>" in thought_of(one) else "</think>"
            said.append(f"{close}<answer>{chosen}</answer>")
        yield [
            {"responses": [text] * samples, "n_tokens": [5] * samples, "finish_reasons": ["stop"] * samples}
            for text in said
        ]


# What the model goes on from


def test_each_thought_is_a_longer_prompt_with_an_id_of_its_own(study: Study) -> None:
    table = read_questions(LAYOUT.questions(NAME), images=False)
    made = altered_thoughts(table, read_rows(RESPONSES), think_prefix=True, seed=0)
    assert list(made) == table["id"].tolist()[:THINKING]
    batch = [Asked(name, "Q <think>", None, ("a", "b")) for name in list(made)[:2]]
    seen: list[Asked] = []

    def seeing(windows: Iterable[Window]) -> Iterator[list[Any]]:
        for window in windows:
            assert len(window) == 2, "each question has a seed"
            seen.extend(chain.from_iterable(window))
            yield from scripted([window])

    [[first, second]] = go_on([batch], made, seeing, size=1)
    assert tuple(first["altered"]) == KINDS
    assert len({one.id for one in seen}) == len(seen) == 2 * len(KINDS)
    assert [one.prompt for one in seen[: len(KINDS)]] == ["Q <think>" + made[batch[0].id][kind].text for kind in KINDS]
    assert second["altered"]["kept"]["prefix"] == made[batch[1].id]["kept"].text
    assert first["altered"]["corrupted"]["by"] == "options"


def test_a_foreign_thought_is_that_of_another_question(study: Study) -> None:
    table = read_questions(LAYOUT.questions(NAME), images=False)
    made = altered_thoughts(table, read_rows(RESPONSES), think_prefix=True, seed=0)
    kept = {name: kinds["kept"].text for name, kinds in made.items()}
    for name, kinds in made.items():
        assert kinds["foreign"].text in {text for other, text in kept.items() if other != name}


# What is published


def test_answers_are_published_with_a_manifest_and_read(study: Study) -> None:
    intervene_arm(study, LAYOUT, ARM, UNTRAINED)
    verify(ROWS.with_suffix(".json"))
    manifest, rows = read_manifest(ROWS.with_suffix(".json")), read_rows(ROWS)
    assert manifest["fingerprint"] == jobs.intervention_fingerprint(study, ARM)
    assert manifest["interventions"]["samples"] == 2
    assert all(len(one["responses"]) == 2 for row in rows for one in row["altered"].values())
    read_interventions(study, LAYOUT, ARM, UNTRAINED)
    scored = verified_rows(SCORES)
    assert len(scored) == 12
    assert sum(bool(row["readings"]) for row in scored) == len(rows) <= THINKING
    assert {*outputs(study, LAYOUT)} >= {ROWS, SCORES, ROWS.with_suffix(".json"), SCORES.with_suffix(".json")}
    assert manifests(study, LAYOUT)[ROWS.with_suffix(".json")] == manifest["fingerprint"]


def test_a_scripted_model_that_corrects_itself_is_found_out(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervene, "draw", scripted)
    intervene_arm(study, LAYOUT, ARM, UNTRAINED)
    read_interventions(study, LAYOUT, ARM, UNTRAINED)
    scored = verified_rows(SCORES)
    thinking = [row for row in scored if row["readings"]]
    assert all(row["readings"]["cued"] == [1, 1] for row in thinking)
    assert all(row["readings"][kind] == [0, 0] for row in thinking for kind in KINDS if kind != "cued")
    assert {row["again"] for row in thinking} == {0}
    held = {row["id"]: 1 for row in scored}
    run = (ARM, UNTRAINED)
    found = altered({run: scored}, {run: held}, samples=2, titles={ARM: "Base"}, margin=0.05)
    mine = found["arms"][ARM]
    assert mine["thoughts"] == {UNTRAINED: len(thinking)}
    assert mine["exchanged"] == {"options": len(thinking)}
    assert mine["kinds"]["kept"]["changed"] == 1
    assert mine["kinds"]["cued"]["changed"] == 0


def test_shards_are_joined_to_the_bytes_of_one_job(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervene, "WINDOW", 1)
    intervene_arm(study, LAYOUT, ARM, UNTRAINED)
    whole = ROWS.read_bytes()
    ROWS.unlink()
    several = a_study("evaluate.shards=2")
    for shard in shards(2):
        intervene_arm(several, LAYOUT, ARM, UNTRAINED, shard)
    assert not ROWS.exists()
    gather_interventions(several, LAYOUT, ARM, UNTRAINED)
    assert ROWS.read_bytes() == whole
    verify(ROWS.with_suffix(".json"))


def test_a_stage_that_was_ended_goes_on_and_one_with_other_responses_begins_anew(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def dying(windows: Iterable[Window], last: int, **given: Any) -> Iterator[Any]:
        for made in scripted(windows, **given):
            drawn.append(1)
            yield made
            if len(drawn) == last:
                raise KeyboardInterrupt

    monkeypatch.setattr(intervene, "WINDOW", 1)
    monkeypatch.setattr(intervene, "draw", partial(dying, last=2))
    with pytest.raises(KeyboardInterrupt):
        intervene_arm(study, LAYOUT, ARM, UNTRAINED)
    assert not ROWS.exists()
    intervene_arm(study, LAYOUT, ARM, UNTRAINED)
    batches = len(drawn)
    ROWS.unlink()
    respond(THINKING - 1)
    intervene_arm(study, LAYOUT, ARM, UNTRAINED)
    assert len(drawn) > batches + batches // 2


def test_an_arm_that_never_thinks_has_no_rows_and_says_so(study: Study) -> None:
    respond(0)
    intervene_arm(study, LAYOUT, ARM, UNTRAINED)
    assert read_rows(ROWS) == []
    read_interventions(study, LAYOUT, ARM, UNTRAINED)
    scored = verified_rows(SCORES)
    assert len(scored) == 12
    run = (ARM, UNTRAINED)
    found = altered(
        {run: scored}, {run: {row["id"]: None for row in scored}}, samples=2, titles={ARM: "Base"}, margin=0.05
    )
    assert "too few thoughts" in found["arms"][ARM]["claim"]


# What it depends on


def test_turning_it_on_makes_no_training_response_or_score_stale() -> None:
    off, on = (read_study(ROOT / "config/config.yaml", given) for given in ([], [ON]))
    before, after = stage_fingerprints(off), stage_fingerprints(on)
    assert before["train"] == after["train"]
    for arm in off.arms:
        assert jobs.predict_fingerprint(off, arm, NAME) == jobs.predict_fingerprint(on, arm, NAME)
        assert jobs.score_fingerprint(off, arm) == jobs.score_fingerprint(on, arm)
    changed = {arm for arm in off.arms if before["evaluate"][arm] != after["evaluate"][arm]}
    assert changed == {ARM}
    assert jobs.summary_fingerprint(off) != jobs.summary_fingerprint(on)


@pytest.mark.parametrize(
    ("key", "value", "stale"),
    [
        ("samples", 3, True),
        ("temperature", 0.7, True),
        ("top_p", 0.9, True),
        ("seed", 3, True),
        ("questions", 7, True),
        ("batch_size", 3, True),
        ("margin", 0.1, False),
        ("arms", "[base-reason, base]", False),
    ],
)
def test_answers_depend_on_how_they_are_drawn_and_not_on_how_they_are_judged(key: str, value: Any, stale: bool) -> None:
    before, after = a_study(), a_study(f"causes.interventions.{key}={value}")
    assert (jobs.intervention_fingerprint(before, ARM) != jobs.intervention_fingerprint(after, ARM)) == stale
    assert jobs.summary_fingerprint(before) != jobs.summary_fingerprint(after)


# Mistakes


def test_an_arm_whose_thoughts_are_left_alone_is_told(study: Study) -> None:
    with pytest.raises(UserError, match=r"causes\.interventions\.arms: 'instruct' is not among them"):
        intervene_arm(study, LAYOUT, "instruct", UNTRAINED)


def test_a_study_without_interventions_says_how_to_ask_for_them() -> None:
    study = read_study(ROOT / "config/config.yaml", [])
    with pytest.raises(UserError, match=r"causes\.interventions: no thoughts are altered: ask for them"):
        assert study.interventions


def test_answers_about_other_questions_are_not_read(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervene, "draw", scripted)
    intervene_arm(study, LAYOUT, ARM, UNTRAINED)
    with pytest.raises(UserError, match=r"interventions\.jsonl: answers to other questions than are asked"):
        read_interventions(a_study("causes.interventions.questions=3"), LAYOUT, ARM, UNTRAINED)
    assert not SCORES.exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("{arms: [bse]}", r"causes\.interventions\.arms\.0: unknown arm 'bse'; did you mean 'base'"),
        ("{arms: [base-gpg]}", r"causes\.interventions\.arms: none of them is run"),
        ("{benchmark: cvbench}", r"causes\.interventions\.benchmark: unknown benchmark 'cvbench'"),
        ("{samples: 1}", r"causes\.interventions\.samples: must be greater than or equal to 2, not 1"),
        ("{margin: 0}", r"causes\.interventions\.margin: must be greater than 0"),
        ("{sample: 3}", r"causes\.interventions\.sample: unknown key 'sample'; did you mean 'samples'"),
    ],
)
def test_a_mistake_in_the_config_is_told_in_one_line(given: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as error:
        read_study(ROOT / "config/config.yaml", [f"causes.interventions={given}"])
    assert len(str(error.value).splitlines()) == 1
