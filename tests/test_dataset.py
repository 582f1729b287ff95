"""Any data set, by one config: every usual shape is read, and what can't be is told with its row and its fix."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from dataset_files import (
    CLASSES,
    COUNTING,
    MATHVISTA,
    MMSTAR,
    blink_file,
    counting_rows,
    image_folder,
    mathvista_rows,
    mmstar_rows,
    written,
)
from hub_server import Hub, hub
from paper_files import picture
from visualzero.config import Dataset, read_study
from visualzero.config.reading import read_yaml
from visualzero.data.build import build_questions
from visualzero.data.options_in_text import options_in
from visualzero.data.question import images_of, kind_of, read_questions
from visualzero.errors import UserError
from visualzero.evaluation.summary.baselines import baselines
from visualzero.manifest import read_manifest
from visualzero.prompts import question_text

__all__ = ["hub"]  # the fixture
ROOT = Path(__file__).resolve().parents[1]
KEY = "data.train"
CHOICES = {"image": "file_name", "choices": "choices"}
ROW = {"question": "Where is the cup?", "choices": ["left", "right"], "answer": "B"}


def example(name: str, **changes: Any) -> Dataset:
    """The source of an example of config/data, with a commit."""
    data = read_yaml(ROOT / f"config/data/{name}.yaml", name)["data"]
    source = data["train"] if "train" in data else next(iter(data["benchmarks"].values()))["source"]
    return Dataset.model_validate(source | changes)


def local(folder: Path, **settings: Any) -> Dataset:
    return Dataset.model_validate({"kind": "dataset", "path": str(folder), "columns": CHOICES} | settings)


def build(source: Dataset, folder: Path, options: Any = "lettered") -> pd.DataFrame:
    out = folder / "out" / "table.parquet"
    build_questions(source, out, "f" * 16, KEY, options)
    return read_questions(out)


def test_the_examples_are_studies() -> None:
    for file in sorted((ROOT / "config/data").glob("*.yaml")):
        given = read_yaml(file, file.name)
        study = read_study(ROOT / "config/config.yaml", [f"{key}={json.dumps(value)}" for key, value in given.items()])
        sources = [study.data.train, *(benchmark.source for benchmark in study.data.benchmarks.values())]
        assert any(source.kind == "dataset" for source in sources)


def test_mmstar_is_asked_in_its_own_words_and_its_options_are_known(hub: Hub, tmp_path: Path) -> None:
    rows = mmstar_rows(7)
    rows[6] |= {"question": "Which one? (A) or (B)?"}
    commit = hub.add("Lin-Chen/MMStar", {"mmstar.parquet": written(rows, MMSTAR), "README.md": b"never fetched"})
    table = build(example("mmstar", revision=commit), tmp_path, "stated")
    assert list(table["task"].unique()) == ["instance reasoning", "math"]
    first = table.iloc[0]
    assert (first.id, first.choices[first.answer_index]) == ("0", "The suitcase is on the book.")
    assert question_text(first.question, list(first.choices), "stated") == rows[0]["question"]
    assert [list(choices) for choices in table["choices"][1:3]] == [["4", "1", "3", "2"], ["30\u00b0", "60\u00b0"]]
    assert read_manifest(tmp_path / "out" / "table.json")["left_out"] == {"choices that can't be used": 1}
    assert hub.downloads("README.md") == []


def test_questions_of_blink_have_their_images_in_the_order_of_the_columns(hub: Hub, tmp_path: Path) -> None:
    tasks = ("Jigsaw", "Multi-view_Reasoning", "Visual_Similarity")
    commit = hub.add(
        "BLINK-Benchmark/BLINK", {name: file for task in tasks for name, file in blink_file(task, 4).items()}
    )
    table = build(example("blink", revision=commit), tmp_path)
    assert dict(table["task"].value_counts()) == dict.fromkeys(tasks, 4)
    rows = list(table.itertuples())
    assert [len(images_of(row)) for row in rows[:4]] == [2, 4, 2, 4]
    assert [image["bytes"] for image in images_of(rows[1])] == [picture(10 + k) for k in (1, 2, 3, 4)]
    assert rows[1].choices[rows[1].answer_index] == "the third image"
    assert len(set(table["image_id"])) == 4  # the tasks show the same images here


def test_counting_is_judged_as_a_number_and_lists_no_choices(hub: Hub, tmp_path: Path) -> None:
    files = {f"data/train-{k:05}-of-00003.parquet": written(counting_rows(5), COUNTING) for k in range(3)}
    commit = hub.add("leonardPKU/clevr_cogen_a_train", files)
    table = build(example("counting", revision=commit, n=7), tmp_path)
    assert len(table) == 7
    first = next(table.itertuples())
    assert (list(first.choices), first.answer_index, kind_of(first)) == (["3"], 0, "number")
    assert question_text(first.question, list(first.choices), "lettered") == "How many items are there in the image?"
    assert hub.downloads("data/train-00002-of-00003.parquet") == []  # seven rows are in the first two
    assert list(read_manifest(tmp_path / "out" / "table.json")["downloads"]) == sorted(files)[:2]
    blind = baselines(table, [], [])
    assert (blind["chance"]["micro"], blind["constant_letter"]["micro"]) == (0.0, 0.0)
    assert blind["constant_value"]["answer"] == {"Custom": "3"}


def test_mathvistas_questions_with_choices_are_taken_and_their_answers_found_by_their_text(
    hub: Hub, tmp_path: Path
) -> None:
    file = "data/testmini-00000-of-00001-725687bf7a18d64b.parquet"
    commit = hub.add("AI4Math/MathVista", {file: written(mathvista_rows(6), MATHVISTA)})
    table = build(example("mathvista", revision=commit), tmp_path)
    assert (list(table["id"]), list(table["answer_index"])) == (["2", "4", "6"], [1, 1, 1])
    first = table.iloc[0]
    assert first.image["bytes"] == picture(2)
    asked = "Is the last bar the largest one? Select from the following choices.\n(A) Yes\n(B) No"
    assert question_text(first.question, list(first.choices), "lettered") == asked


def test_an_image_folder_is_read_with_its_metadata(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "mine", [ROW, ROW | {"answer": "(A)"}])
    table = build(local(folder), tmp_path)
    assert list(table["answer_index"]) == [1, 0]
    assert table.iloc[0].image == {"bytes": picture(0, format="PNG"), "path": "pictures/0.png"}
    assert list(table["id"]) == ["metadata-1", "metadata-2"]


def test_an_image_folder_of_the_hub_fetches_the_images_that_its_rows_name(hub: Hub, tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "mine", [ROW, ROW, ROW | {"split": "test"}])
    files = {f"val/{file.relative_to(folder)}": file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    settings = {"repo": "me/mine", "path": None, "files": ["val/*.jsonl"], "where": {"split": "test"}}
    source = Dataset.model_validate(
        {"kind": "dataset", "columns": CHOICES, **settings, "revision": hub.add("me/mine", files)}
    )
    assert build(source, tmp_path).iloc[0].image["bytes"] == picture(2, format="PNG")
    assert hub.downloads("val/pictures/0.png") == []


def test_classes_are_given_by_their_names(tmp_path: Path) -> None:
    rows = [
        {"image": {"bytes": picture(n), "path": None}, "question": "Is it red?", "answer": n % 2, "n": n}
        for n in range(4)
    ]
    (tmp_path / "my.parquet").write_bytes(written(rows, CLASSES))
    source = local(tmp_path / "my.parquet", columns={}, answer={"kind": "yes_no"}, where={"n": [1, 2, 3]})
    table = build(source, tmp_path)
    assert [choices[0] for choices in table["choices"]] == ["yes", "no", "yes"]
    assert baselines(table, [], [])["chance"]["micro"] == 0.5


@pytest.mark.parametrize(
    ("settings", "row", "index"),
    [
        ({"answer": {"written": "text"}}, {"answer": "Right"}, 1),
        ({"answer": {"written": "from_zero"}}, {"answer": 1}, 1),
        ({"answer": {"written": "from_one"}}, {"answer": 1}, 0),
        ({"answer": {"pattern": r"\\boxed\{(.)\}"}}, {"answer": r"so \boxed{B}"}, 1),
        ({"columns": CHOICES | {"choices": ["a", "b", "c"]}}, {"a": "left", "b": "right", "c": ""}, 1),
    ],
    ids=str,
)
def test_the_right_choice_may_be_named_in_several_ways(
    tmp_path: Path, settings: dict[str, Any], row: dict[str, Any], index: int
) -> None:
    folder = image_folder(tmp_path / "mine", [ROW | row])
    assert build(local(folder, **settings), tmp_path)["answer_index"].tolist() == [index]


def test_choices_are_shuffled_by_the_seed_and_the_answer_goes_along(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "mine", [ROW] * 20)
    table = build(local(folder, shuffle_choices=True), tmp_path)
    assert {row.choices[row.answer_index] for row in table.itertuples()} == {"right"}
    assert set(table["answer_index"]) == {0, 1}


BAD = [
    ({"answer": "C"}, {}, "row 1: answer 'C' names none of its choices"),
    ({"answer": None}, {}, "row 1: no answer: give one, or correct columns.answer"),
    ({"answer": "many"}, {"answer": {"kind": "number"}, "columns": {"image": "file_name"}}, "'many' holds no number"),
    ({"answer": "maybe"}, {"answer": {"kind": "yes_no"}, "columns": {"image": "file_name"}}, "neither yes nor no"),
    ({"question": ""}, {}, "row 1: no question"),
    ({"question": "Is <|image_pad|> it?"}, {}, "question holds <|image_pad|>"),
    ({"choices": ["left"]}, {}, "1 choices: give 2 to 26"),
    ({"choices": ["A. left", "B. right"]}, {}, "choices begin with A, B"),
    ({"question": "Which? (A) left (B) right"}, {}, "set options to stated"),
    ({"file_name": "../secret.png"}, {}, "leads out of the images folder"),
    ({"file_name": None}, {}, "row 1: no image: give one"),
    ({"answer": "B"}, {"answer": {"pattern": "<a>(.*)</a>"}}, "doesn't fit answer.pattern"),
]


@pytest.mark.parametrize(("row", "settings", "told"), BAD, ids=[told for _, _, told in BAD])
def test_a_row_that_cannot_be_used_is_named_and_may_be_left_out(
    tmp_path: Path, row: dict[str, Any], settings: dict[str, Any], told: str
) -> None:
    good = ROW | ({"answer": "yes"} if settings.get("answer", {}).get("kind") == "yes_no" else {})
    good |= {"answer": "3"} if settings.get("answer", {}).get("kind") == "number" else {}
    good |= {"answer": "<a>A</a>"} if settings.get("answer", {}).get("pattern") else {}
    rows = [good, good]
    folder = image_folder(tmp_path / "mine", rows)
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    listed = json.dumps([lines[0] | row, lines[1]])
    (folder / "rows.json").write_text(listed)
    with pytest.raises(UserError) as error:
        build(local(folder, files=["rows.json"], **settings), tmp_path)
    assert str(error.value).startswith(f"{KEY}: {folder}/rows.json: row 1: ")
    assert told in str(error.value)
    assert not (tmp_path / "out" / "table.parquet").exists()
    assert len(build(local(folder, files=["rows.json"], unusable="leave_out", **settings), tmp_path)) == 1


def test_a_damaged_image_is_named_and_may_be_left_out(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "mine", [ROW, ROW])
    (folder / "pictures" / "0.png").write_bytes(picture(0, format="PNG")[:60])
    with pytest.raises(UserError, match=r"line 1: its image can't be used \(.*\): replace the image"):
        build(local(folder), tmp_path)
    build(local(folder, unusable="leave_out"), tmp_path)
    assert read_manifest(tmp_path / "out" / "table.json")["left_out"] == {"an image that can't be used": 1}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"path": "nowhere"}, "nowhere: no such file or folder"),
        ({"files": ["train-*.parquet"]}, "has no file 'train-*.parquet' (has metadata.jsonl)"),
        (
            {"files": ["pictures/0.png"]},
            "'pictures/0.png' is none of .parquet, .jsonl, .json, and nothing else is read",
        ),
        (
            {"columns": CHOICES | {"question": "problem"}},
            "has no column 'problem' (has answer, choices, file_name, question)",
        ),
        ({"where": {"question": "Why?"}}, "data.train.where: no row of"),
        ({"sha256": {"metadata.jsonl": "0" * 64}}, "data.train.sha256: "),
    ],
    ids=str,
)
def test_what_is_not_there_is_told(tmp_path: Path, settings: dict[str, Any], told: str) -> None:
    folder = image_folder(tmp_path / "mine", [ROW])
    with pytest.raises(UserError) as error:
        build(local(folder, **settings), tmp_path)
    assert told in str(error.value)


def test_an_unpinned_revision_is_refused_before_anything_is_asked(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.train\.revision: not pinned"):
        build(example("counting"), tmp_path)
    assert hub.asked == []


def test_questions_that_list_their_choices_are_asked_as_they_stand_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"in_question: .* set options to stated"):
        build(example("mmstar"), tmp_path)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"repo": "a/b"}, "give exactly one of repo"),
        ({"path": None, "repo": "a/b"}, "files: missing"),
        ({"revision": "1" * 40}, "revision is of a repo"),
        ({"columns": {}}, "give columns.choices, or in_question"),
        ({"answer": {"kind": "number"}}, "without choices"),
        ({"answer": {"tolerance": 0.1}}, "tolerance and relative are for numbers"),
        ({"answer": {"pattern": "("}}, "no regular expression"),
        ({"answer": {"pattern": "a"}}, "pattern has 0 groups"),
        (
            {"columns": {"image": "file_name"}, "answer": {"kind": "text", "written": "text"}},
            "written says how a choice",
        ),
        ({"in_question": True, "columns": {}, "shuffle_choices": True}, "shuffle_choices is for choices in columns"),
    ],
    ids=str,
)
def test_a_source_that_contradicts_itself_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told.replace("(", r"\(")):
        local(Path("mine"), **settings)


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Where?\nOptions: A: left, B: right, C: 3, 4 and 5", ["left", "right", "3, 4 and 5"]),
        ("Where?\n(A) left\n(B) right\nThink first.", ["left", "right"]),
        ("Which? A. 1.5 B. 2.5", ["1.5", "2.5"]),
        ("Which of A: and B: is it? Choices: (A) the first (B) the second", ["the first", "the second"]),
        ("Is (A) or (A) it? (B) no", []),
        ("Is it left?", []),
        ("Is it (A) or (B)?", []),
        ("Is it (A) left, or (B) right", ["left", "right"]),
        ("Is A. Lincoln on it?", []),
        ("Options: (A) x (B) y, or A: x B: y", []),
    ],
)
def test_options_in_a_question_are_read_if_there_is_one_list(question: str, options: list[str]) -> None:
    assert options_in(question) == options
