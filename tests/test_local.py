"""A user's own questions: every usual way to write them works, and every mistake is told with its line and its fix."""

import json
from pathlib import Path

import pytest
from PIL import Image

from real_data import write_nlvr
from visualzero.data.local import read_local
from visualzero.errors import UserError

ROW = {"image": "a.png", "question": "Where is the cup?", "choices": ["left", "right"], "answer": "right"}


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    (folder / "deep").mkdir(parents=True)
    Image.new("RGB", (8, 6), "red").save(folder / "a.png")
    Image.new("L", (5, 5)).save(folder / "deep" / "b.jpg")
    return folder


def jsonl(folder: Path, *rows: dict) -> Path:
    path = folder / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def table(folder: Path, text: str, name: str = "train.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_needs_four_columns_and_the_rest_is_filled_in(mine):
    (row,) = read_local(jsonl(mine, ROW))
    assert row == {
        "id": "train-1",
        "source": "mine",
        "task": "Custom",
        "image": {"bytes": (mine / "a.png").read_bytes(), "path": "a.png"},
        "question": "Where is the cup?",
        "choices": ["left", "right"],
        "answer_index": 1,
        "image_id": "a.png",
    }


def test_columns_that_are_given_are_kept(mine):
    given = {"id": "q7", "source": "kitchen", "task": "Relation", "image_id": "scene 1"}
    (row,) = read_local(jsonl(mine, ROW | given))
    assert given == {key: row[key] for key in given}


@pytest.mark.parametrize(
    ("choices", "answer", "index"),
    [
        (["left", "right"], "Right ", 1),
        (["left", "right"], "(B)", 1),
        (["left", "right"], "b", 1),
        (["B", "A"], "B", 0),  # a choice's text comes before a letter
        ([3, 2, 1], 2, 1),
        ([True, False], False, 1),
    ],
)
def test_an_answer_is_a_choice_or_its_letter(mine, choices, answer, index):
    (row,) = read_local(jsonl(mine, ROW | {"choices": choices, "answer": answer}))
    assert row["answer_index"] == index
    assert all(isinstance(choice, str) for choice in row["choices"])


def test_numbers_are_the_texts_that_they_are_written_as(mine):
    path = table(
        mine,
        '{"image": "a.png", "question": "How much?", "choices": [1.10, 3.0, 1e3, 12345678901234567890], "answer": 3.0,'
        f' "id": {"9" * 5000}}}',
        "train.jsonl",
    )
    (row,) = read_local(path)
    assert row["choices"] == ["1.10", "3.0", "1e3", "12345678901234567890"]
    assert (row["answer_index"], row["id"]) == (1, "9" * 5000)


@pytest.mark.parametrize("column", ["task", "source", "id", "image_id"])
def test_nan_is_an_empty_cell(mine, column):
    (row,) = read_local(jsonl(mine, ROW | {column: float("nan")}))
    (without,) = read_local(jsonl(mine, ROW))
    assert row == without


@pytest.mark.parametrize("question", ["Where is it? (A) left (B) right", "Where?\nOptions: left, right"])
def test_options_are_listed_once_by_the_question_or_by_the_prompt(mine, question):
    path = jsonl(mine, ROW | {"question": question})
    with pytest.raises(
        UserError, match=r"train\.jsonl:1: question lists its choices, and so will the prompt \(options: l"
    ):
        read_local(path)
    with pytest.raises(UserError, match=r"\(options: natural\): take them out of its text, or set options to stated"):
        read_local(path, options="natural")
    (row,) = read_local(path, options="stated")
    assert row["question"] == question


def test_questions_about_one_image_come_together(mine):
    rows = [ROW | {"id": str(n), "image": image} for n, image in enumerate(["a.png", "deep/b.jpg", "./a.png"])]
    assert [row["id"] for row in read_local(jsonl(mine, *rows))] == ["0", "2", "1"]


@pytest.mark.parametrize("change", ["altered", "gone"])
def test_an_image_that_changes_after_it_was_checked_is_told(mine, change):
    rows = read_local(jsonl(mine, ROW))
    (mine / "a.png").write_bytes(b"another") if change == "altered" else (mine / "a.png").unlink()
    with pytest.raises(
        UserError, match=r"image 'a\.png' has changed since it was checked: leave .*mine alone, and run again"
    ):
        list(rows)


def test_an_image_file_that_is_too_large_is_told_before_it_is_read(mine):
    with (mine / "large.png").open("wb") as file:
        file.truncate(300 << 20)  # a hole: it takes no room on the disk
    with pytest.raises(UserError, match=r"image 'large\.png' has 300 MiB, more than 256: make it smaller"):
        read_local(jsonl(mine, ROW | {"image": "large.png"}))


def test_csv_lists_choices_with_bars_or_as_json(mine):
    path = table(
        mine,
        "\ufeffimage,question,choices,answer,task\n"
        'a.png,"Which, if\nany?",left | right,left,T\n'
        "\n"
        'deep/b.jpg,How many?,"[""1"", ""2|3""]",(B),\n',
    )
    first, second = read_local(path)
    assert (first["question"], first["choices"], first["task"]) == ("Which, if\nany?", ["left", "right"], "T")
    assert (second["choices"], second["answer_index"], second["task"]) == (["1", "2|3"], 1, "Custom")
    assert (second["id"], second["image_id"]) == ("train-2", "deep/b.jpg")


def test_a_folder_with_one_table_stands_for_it_and_images_may_lie_elsewhere(mine, tmp_path):
    (tmp_path / "lists").mkdir()
    jsonl(tmp_path / "lists", ROW | {"image": "./deep/../a.png"})
    (row,) = read_local(tmp_path / "lists", images=mine)
    assert row["image"]["path"] == "a.png"


def test_shuffling_depends_on_the_seed_and_the_id_alone(mine):
    rows = [ROW | {"id": f"q{i}", "choices": list("wxyz"), "answer": "z"} for i in range(20)]
    one = list(read_local(jsonl(mine, *rows), seed=1, shuffle_choices=True))
    turned = list(read_local(jsonl(mine, *rows[::-1]), seed=1, shuffle_choices=True))
    other = list(read_local(jsonl(mine, *rows), seed=2, shuffle_choices=True))
    assert one == turned[::-1]
    assert one != other
    assert {row["choices"][row["answer_index"]] for row in one} == {"z"}
    assert len({row["answer_index"] for row in one}) == 4


def test_answers_may_be_missing_where_they_are_not_needed(mine):
    (row,) = read_local(jsonl(mine, ROW | {"answer": None}), require_answer=False, shuffle_choices=True)
    assert row["answer_index"] == -1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": ""}, r"no answer: give one"),
        ({"question": None}, r"no question"),
        ({"image": ""}, r"no image"),
        ({"answer": "above"}, r"answer 'above' is not among its choices \(left, right\): write one, or its letter"),
        ({"answer": 1}, r"answer '1' is not among its choices"),
        ({"answer": "(C)"}, r"answer '\(C\)' is not among"),
        ({"choices": ["left"]}, r"1 choices: give 2 to 26"),
        ({"choices": ["left", "Left", "right"]}, r"choice 'left' occurs twice"),
        ({"choices": ["left", ""]}, r"a choice is empty"),
        ({"choices": "left"}, r"no list of choices"),
        ({"choices": [["left"], "right"]}, r"a choice is a list: write it as text"),
        ({"image": "c.png"}, r"image 'c\.png' is not in .*mine: correct the path"),
        ({"image": "broken.png"}, r"image 'broken\.png' can't be used \(.*truncated.*\): replace the image"),
        ({"image": "text.png"}, r"image 'text\.png' can't be used \(no image format is recognized; there are PNG"),
        ({"image": "deep"}, r"image 'deep' is not in"),
        ({"image": "../mine/a.png"}, r"leads out of the images folder"),
        ({"image": "/etc/passwd"}, r"leads out of the images folder"),
        ({"id": "first"}, r"id 'first' is also that of line 1: make ids unique"),
        ({"image": ["a.png", "b.png"]}, r"image is a list of 2, and there is one image a row: give the path of one"),
        ({"image": '["a.png"]'}, r"image is a list of 1, and there is one image a row"),
        ({"image": {"path": "a.png"}}, r"image is a mapping: write it as text"),
        ({"image": "a\0.png"}, r"image holds the character U\+0000, which is no text: take it out"),
        ({"image": "x" * 300}, r"image 'x+' can't be read \(File name too long\): correct the path"),
        ({"image": "wide.png"}, r"image 'wide\.png' can't be used \(500 x 2 pixels, a ratio of its sides above 200\)"),
        ({"question": "\ud800?"}, r"question holds the character U\+D800, which is no text"),
        (
            {"question": "What is <|image_pad|>?"},
            r"question holds <\|image_pad\|>, which a model reads as a token of its own: take it out",
        ),
        ({"choices": ["right", "<|im_end|>"]}, r"choice '<\|im_end\|>' holds <\|im_end\|>"),
        ({"choices": ["right", "one", "1"]}, r"choices 'one' and '1' read the same: make them different"),
        (
            {"choices": ["A. left", "B. right"], "answer": "B"},
            r"choices begin with A, B, and prompts write letters of their own: take them out",
        ),
        ({"choices": ["a", float("nan")]}, r"a choice is empty: give it a text"),
        ({"answer": float("nan")}, r"no answer: give one, or remove the row"),
        ({"image": float("nan")}, r"no image: give one"),
        ({"choices": float("nan")}, r"no list of choices: write them as"),
        ({"choices": ["a\nb", "a b", "A\nB"]}, r"choice 'a b' occurs twice"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_with_its_line_and_the_fix(mine, change, message):
    (mine / "text.png").write_text("no image")
    whole = mine / "broken.png"
    Image.effect_noise((64, 64), 50).save(whole)
    Image.new("1", (500, 2)).save(mine / "wide.png")
    whole.write_bytes(whole.read_bytes()[:-900])
    with pytest.raises(UserError, match=rf"^\S*train\.jsonl:2: .*{message}"):
        read_local(jsonl(mine, ROW | {"id": "first"}, ROW | change))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("train.csv", "image,question\na.png,q\n", r"train\.csv:1: no column choices, answer \(there are: image, ques"),
        ("train.csv", "image,question,choices,answer\na.png,q,1|2,1,x\n", r"train\.csv:2: 5 cells for 4 columns"),
        ("train.csv", 'image,question,choices,answer\na.png,"q,1|2,1\n', r"train\.csv:2: not CSV"),
        ("train.csv", 'image,question,choices,answer\na.png,q,"[1,",1\n', r"train\.csv:2: no list of choices"),
        ("train.csv", "image,question,choices,answer\n", r"no questions: add a row"),
        ("train.jsonl", " \n", r"the file is empty"),
        ("train.jsonl", '{"image": \n', r"train\.jsonl:1: not JSON \(.*column \d+\)"),
        ("train.jsonl", "[1]\n", r"train\.jsonl:1: not a JSON object"),
        ("train.jsonl", "[" * 99_999, r"train\.jsonl:1: not JSON \(nested too deeply\): write one object per line"),
        ("train.jsonl", '{"id": -Infinity}', r"train\.jsonl:1: not JSON \(-Infinity is no value\)"),
        ("train.jsonl", '{"id": 1, "id": 2}', r"train\.jsonl:1: not JSON \(the key 'id' stands twice\)"),
        ("train.csv", " , \n", r"train\.csv:1: no column image, question, choices, answer"),
        (
            "train.csv",
            "image,question,choices,answer,answer\n",
            r"train\.csv:1: two columns are called answer: keep one",
        ),
        ("train.txt", "x", r"a table is \.jsonl or \.csv, not '\.txt'"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_with_the_fix(mine, name, text, message):
    with pytest.raises(UserError, match=message):
        read_local(table(mine, text, name))


def test_text_that_is_not_utf8_is_told(mine):
    (mine / "train.csv").write_bytes("image,question,choices,answer\na.png,où?,1|2,1\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"not UTF-8 \(byte 37\): save it as UTF-8"):
        read_local(mine / "train.csv")


def test_missing_files_and_folders_are_told(mine, tmp_path):
    with pytest.raises(UserError, match=r"nowhere: no such file: set `path`"):
        read_local(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"nowhere: no such folder of images"):
        read_local(jsonl(mine, ROW), images=tmp_path / "nowhere")
    table(mine, "x")
    with pytest.raises(UserError, match=r"needs exactly one table .* has train\.csv, train\.jsonl"):
        read_local(mine)


def test_the_first_five_errors_are_told_and_the_rest_counted(mine):
    with pytest.raises(UserError) as caught:
        read_local(jsonl(mine, *[ROW | {"answer": "up"}] * 7))
    told = str(caught.value).split("\n")
    assert [line.split(": ")[0].rsplit(":", 1)[1] for line in told[:5]] == ["1", "2", "3", "4", "5"]
    assert told[5:] == ["and 2 more"]


def test_real_statements_about_real_images_are_read(tmp_path):
    path, images = write_nlvr(tmp_path)
    rows = list(read_local(path, images))
    assert len(rows) == 200
    assert {row["choices"][row["answer_index"]] for row in rows} == {"true", "false"}
    assert rows[0]["question"].startswith('Does the statement "There is 1 tower')
    assert rows[0]["image"]["bytes"].startswith(b"\x89PNG")
