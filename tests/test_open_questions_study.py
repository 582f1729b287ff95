"""Questions with two images and free answers through the study: read, trained on with sharing, asked, scored, shown."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image, ImageDraw

from training_runs import MakeRun, make_run, study
from visualzero.config import Dataset, Grpo
from visualzero.data.build import build_questions
from visualzero.data.question import count_images, read_questions
from visualzero.errors import UserError
from visualzero.evaluation.answering.asking import ask, batches_of
from visualzero.evaluation.answering.control_questions import controlled
from visualzero.evaluation.answering.transformers_engine import answers
from visualzero.evaluation.reading.scorers import score_rows
from visualzero.evaluation.reasoning.analysis import analyse
from visualzero.evaluation.summary.baselines import baselines
from visualzero.evaluation.summary.cell import ScoredBenchmark, cell
from visualzero.evaluation.summary.controls import control_effects
from visualzero.evaluation.summary.scorer_agreement import agreement
from visualzero.manifest import read_manifest
from visualzero.models.processor import load_processor
from visualzero.report.questions import QuestionTable
from visualzero.report.samples import verdict
from visualzero.training.grpo import train_grpo, vllm_arguments
from visualzero.training.sft import train_sft

pytestmark = pytest.mark.usefixtures("one_thread")
__all__ = ["make_run"]  # the fixture
SIZE = 56
CONES = [(1, 3), (2, 1), (4, 2), (1, 2), (3, 2), (2, 4), (1, 4), (3, 1)]
PAIR = ["left", "right"]  # the columns
REWARD = "rewards={r1: {terms: {accuracy: 1.0, number: 0.5, length: 0.01}}}"


def cones(n: int, path: Path) -> str:
    """Draw so many cones."""
    picture = Image.new("RGB", (SIZE, SIZE), "white")
    for k in range(n):
        left = 2 + 13 * k
        ImageDraw.Draw(picture).polygon([(left, 40), (left + 10, 40), (left + 5, 20)], "orange")
    picture.save(path)
    return path.name


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pairs of scenes, and two tables of them: which has more cones, and how many there are in both."""
    folder = tmp_path_factory.mktemp("scenes")
    more, total = [], []
    for number, (left, right) in enumerate(CONES):
        names = {"left": cones(left, folder / f"{number}-a.png"), "right": cones(right, folder / f"{number}-b.png")}
        answer = "first" if left > right else "second"
        more.append(
            {**names, "question": "Which image has more cones?", "choices": ["first", "second"], "answer": answer}
        )
        total.append({**names, "question": "How many cones are in both images?", "answer": left + right})
    for name, rows in (("more", more), ("total", total)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def source(folder: Path, name: str) -> Dataset:
    answer, choices = ({"written": "text"}, "choices") if name == "more" else ({"kind": "number"}, None)
    columns = {"image": PAIR, "choices": choices}
    return Dataset.model_validate(
        {"kind": "dataset", "path": str(folder), "files": [f"{name}.jsonl"], "columns": columns, "answer": answer}
    )


@pytest.fixture(scope="module")
def tables(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tables")
    for name in ("more", "total"):
        build_questions(source(scenes, name), folder / f"{name}.parquet", "0" * 16, "data.train")
    return {name: folder / f"{name}.parquet" for name in ("more", "total")}


@pytest.fixture
def make(make_run: MakeRun, tables: dict[str, Path]) -> MakeRun:
    """Makes a run of an arm that trains on one of the tables."""
    return lambda arm, name, *overrides: replace(make_run(arm, *overrides), questions=tables[name])


def test_grpo_with_sharing_learns_from_questions_with_two_images_and_a_number_for_an_answer(make: MakeRun) -> None:
    run = make("base-grpo", "total", REWARD)
    train_grpo(run)
    rollouts = pd.read_parquet(run.out / "rollouts.parquet")
    assert set(rollouts) >= {"reward_accuracy", "reward_number", "reward_length"}
    assert (rollouts["reward_accuracy"] == rollouts["reward_number"]).all()
    first = read_manifest(run.out / "manifest.json")["first"]
    assert first["prompt"].count("<|image_pad|>") == 2
    assert "How many cones are in both images? \nAssistant" in first["prompt"]  # no choices are listed
    assert pd.read_parquet(run.out / "history.parquet")["step"].tolist() == [1, 2]


def test_sharing_changes_no_completion_of_questions_with_two_images(make: MakeRun) -> None:
    shared, stock = make("base-grpo", "more"), make("base-grpo", "more", "grpo.sharing=false")
    train_grpo(shared)
    train_grpo(replace(stock, out=stock.out.with_name("stock"), work=stock.work.with_name("stock")))
    texts = [
        pd.read_parquet(out / "rollouts.parquet").query("step == 1")["completion"].tolist()
        for out in (shared.out, stock.out.with_name("stock"))
    ]
    assert texts[0] == texts[1]


def test_sft_learns_the_right_number_of_a_question_with_two_images(make: MakeRun) -> None:
    run = make("base-sft", "total")
    train_sft(run)
    assert read_manifest(run.out / "manifest.json")["first"]["prompt"].count("<|image_pad|>") == 2
    assert (run.out / "model" / "model.safetensors").is_file()


def test_a_reward_term_that_does_not_fit_the_questions_ends_training_with_one_line(make: MakeRun) -> None:
    with pytest.raises(UserError, match=r"reward term 'number': question more-\d: 'number' can't judge"):
        train_grpo(make("base-grpo", "more", REWARD))


@pytest.mark.parametrize("name", ["more", "total"])
def test_two_images_are_asked_about_scored_and_shown(tables: dict[str, Path], tiny_model: Path, name: str) -> None:
    settings = study().evaluate.model_copy(update={"max_new_tokens": 4})
    processor = load_processor(tiny_model, "r1_zero", 3136, 12544)
    questions = read_questions(tables[name])
    assert {count_images(row) for row in questions.itertuples()} == {2}
    asked = ask(questions, processor, "lettered")
    assert all(one.prompt.count("<|image_pad|>") == 2 and len(one.pictures()) == 2 for one in asked)
    assert ("\n(B) second" in asked[0].prompt) == (name == "more")
    said = []
    for batch, found in zip(
        batches_of(asked, processor, 3),
        answers(batches_of(asked, processor, 3), tiny_model, processor, settings),
        strict=True,
    ):
        said += [{**answer, "id": one.id} for one, answer in zip(batch, found, strict=True)]
    right = {row.id: str(row.choices[row.answer_index]) for row in questions.itertuples()}
    said[0] |= {"response": f"</think><answer>{right[said[0]['id']]}</answer>"}
    said[1] |= {"response": f"</think><answer>{'12' if name == 'total' else 'first, second'}</answer>"}
    rows = score_rows(said, questions, think_prefix=True)
    scores = {row["id"]: row for row in rows}
    assert scores[said[0]["id"]]["correct"]
    second = scores[said[1]["id"]]
    assert verdict(second, len(right)) == ("wrong" if name == "total" else "no answer")
    if name == "total":
        assert (second["answer_kind"], second["read"], second["readings"]) == ("number", "12", {"number": 1})
    found = cell(rows, ScoredBenchmark(questions.drop(columns=["image", "more_images"])))
    assert (found["n_images"], found["letters"] == {}) == (len(CONES), name == "total")
    assert next(iter(agreement(rows)["scorers"])) == ("number" if name == "total" else "strict")
    assert analyse(
        [
            {**row, "choices": list(one.choices), "response": "<think>"}
            for row, one in zip(rows, questions.itertuples(), strict=True)
        ]
    )
    assert baselines(questions, [], [])["chance"]["micro"] == (0.0 if name == "total" else 0.5)
    shown = QuestionTable(tables[name]).get([asked[0].id])[asked[0].id]
    assert (shown.width, shown.height) == (2 * SIZE + 4, SIZE)


def test_the_best_constant_number_is_right_wherever_it_is_near_enough(tables: dict[str, Path]) -> None:
    questions = read_questions(tables["total"], images=False)  # 4 3 6 3 5 6 5 4
    found = {
        kind: baselines(questions.assign(answer_kind=kind), [], [])["constant_value"]["micro"]
        for kind in ("number", "number 1", "number 40%")
    }
    assert found == {"number": 2 / 8, "number 1": 6 / 8, "number 40%": 1.0}


def test_controls_change_all_images_of_a_question(tables: dict[str, Path], tiny_model: Path) -> None:
    processor = load_processor(tiny_model, "r1_zero", 3136, 12544)
    questions = read_questions(tables["total"])
    blind = ask(controlled(questions, "no_image"), processor, "lettered")
    assert all("<|image_pad|>" not in one.prompt and one.pictures() == [] for one in blind)
    seen, other = (ask(controlled(questions, control), processor, "lettered") for control in (None, "shuffled_image"))
    for one, another in zip(seen, other, strict=True):
        assert len(another.images) == 2
        assert [image["bytes"] for image in one.images] != [image["bytes"] for image in another.images]
    with pytest.raises(UserError, match="swapped_options: all questions are open"):
        controlled(questions, "swapped_options")
    rows = [{"id": "q", "image_id": "i", "correct": True, "prediction": 1, "n_choices": 1}]
    assert control_effects(rows, {"swapped_options": rows}, {"q": ["3"]})["swapped_options"]["consistency"] == 0


def test_vllm_is_refused_for_several_images(make: MakeRun, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make("base-grpo", "more", "grpo.engine=vllm")
    recipe, processor = run.study.recipe("base-grpo"), load_processor(tiny_model, "r1_zero", 3136, 12544)
    assert isinstance(recipe, Grpo)
    with pytest.raises(UserError, match=r"grpo.engine: vllm: questions have several images"):
        vllm_arguments(run, recipe, processor)
