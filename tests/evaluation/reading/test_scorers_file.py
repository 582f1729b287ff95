"""`visualzero score`: anybody's responses come back scored, or one line says what is wrong with them."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from real_data import real_rows
from visualzero.cli import main
from visualzero.evaluation.reading.parsed import Parsed
from visualzero.evaluation.reading.scorers import SCORERS, scorers

ROW = {"id": "q1", "question": "Where?", "choices": ["left", "right"], "answer_index": 1, "response": "Right."}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(*rows: Any) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    Path("in.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def scored(*options: str) -> list[dict[str, Any]]:
    main(["score", "in.jsonl", "--out", "out.jsonl", *options])
    return [json.loads(line) for line in Path("out.jsonl").read_text(encoding="utf-8").split("\n") if line]


def test_rows_come_back_in_order_with_all_their_keys_and_a_score() -> None:
    write(ROW, {**ROW, "id": 2, "response": "left or right", "model": "mine"})
    assert scored() == [
        {**ROW, "prediction": 1, "parse_class": "parsed", "correct": True},
        {**ROW, "id": 2, "response": "left or right", "model": "mine"}
        | {"prediction": None, "parse_class": "ambiguous", "correct": False},
    ]


def test_a_mark_of_byte_order_before_the_first_row_is_no_part_of_it() -> None:
    Path("in.jsonl").write_text(json.dumps(ROW) + "\n", encoding="utf-8-sig")
    [row] = scored()
    assert row["correct"] is True
    assert not Path("out.jsonl").read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_line_says_how_many_are_right_and_read(capsys: pytest.CaptureFixture[str]) -> None:
    write(ROW, {**ROW, "id": "q2", "response": "?"}, {**ROW, "id": "q3", "response": "left"})
    scored("--scorer", "visualthinker")
    assert capsys.readouterr().out == "out.jsonl: n 3, accuracy 0.00%, parsed 33.33% (visualthinker)\n"


@pytest.mark.parametrize(("name", "prediction"), [("strict", 1), ("visualthinker", None), ("vlmevalkit", 1)])
def test_the_scorer_that_is_asked_for_decides(name: str, prediction: int | None) -> None:
    write(ROW)
    [row] = scored("--scorer", name)
    assert row["prediction"] == prediction
    assert row["correct"] is (prediction == 1)


def test_all_gives_the_reading_of_every_scorer_beside_strict() -> None:
    write(ROW)
    [row] = scored("--scorer", "all")
    assert row["prediction"] == row["readings"]["strict"] == row["readings"]["vlmevalkit"] == 1
    assert list(row["readings"]) == scorers()
    assert row["readings"]["visualthinker"] is None  # "Right" is not "right"


def test_a_thought_that_the_prompt_began_is_no_answer() -> None:
    write({**ROW, "response": "It is on the right"})
    assert scored()[0]["prediction"] == 1
    assert scored("--think-prefix")[0]["parse_class"] == "none"


def test_a_text_that_is_no_unicode_comes_back_as_it_was() -> None:
    write({**ROW, "response": "right \ud83d", "note": "\u2028 Grüße"})
    [row] = scored()
    assert (row["response"], row["note"], row["correct"]) == ("right \ud83d", "\u2028 Grüße", True)


def test_a_file_can_be_scored_in_its_place_again_and_again() -> None:
    write(ROW)
    first = scored("--scorer", "all")
    main(["score", "out.jsonl", "--out", "out.jsonl", "--scorer", "all"])
    assert [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()] == first


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("no json", "in.jsonl:2: no JSON"),
        ("[1]", "in.jsonl:2: no JSON object"),
        ("9" * 5000, "in.jsonl:2: no JSON"),
        ({"id": "q2", "response": "B"}, "in.jsonl:2: no question, choices, answer_index"),
        (ROW, "in.jsonl:2: id 'q1' is also that of line 1"),
        ({**ROW, "id": None}, "in.jsonl:2: id is neither a text nor"),
        ({**ROW, "id": "q2", "choices": "left, right"}, "in.jsonl:2: choices is no list of texts"),
        ({**ROW, "id": "q2", "choices": [3, 2]}, "in.jsonl:2: choices is no list of texts"),
        ({**ROW, "id": "q2", "choices": ["left"]}, "in.jsonl:2: 1 choices: a question has 2 to 26"),
        ({**ROW, "id": "q2", "answer_index": 2}, "in.jsonl:2: answer_index 2 is none of 0 to 1"),
        ({**ROW, "id": "q2", "answer_index": -1}, "in.jsonl:2: answer_index -1 is none of 0 to 1"),
        ({**ROW, "id": "q2", "answer_index": True}, "in.jsonl:2: answer_index True is none of"),
        ({**ROW, "id": "q2", "answer_index": "B"}, "in.jsonl:2: answer_index 'B' is none of"),
        ({**ROW, "id": "q2", "response": None}, "in.jsonl:2: response is no text"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "",
)
def test_a_bad_row_is_told_with_its_line_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], row: Any, told: str
) -> None:
    write(ROW, row)
    assert error(capsys, "in.jsonl").startswith(told)
    assert sorted(path.name for path in Path().iterdir()) == ["in.jsonl"]


@pytest.mark.parametrize(
    ("content", "arguments", "told"),
    [
        (None, ["in.jsonl"], "in.jsonl: no such file"),
        (b"", ["in.jsonl"], "in.jsonl: no rows"),
        (b"\xff\xfe", ["in.jsonl"], "in.jsonl: no text in UTF-8"),
        (b"", ["."], ".: can't be read (Is a directory)"),
        (b"", ["in.jsonl", "--scorer", "strct"], "unknown scorer 'strct'; did you mean 'strict'?"),
        (json.dumps(ROW).encode(), ["in.jsonl", "--out", "."], "--out .: a folder"),
        (json.dumps(ROW).encode(), ["in.jsonl", "--out", "in.jsonl/out.jsonl"], "--out in.jsonl/out.jsonl: can't be"),
    ],
    ids=["missing", "empty", "not text", "folder", "scorer", "out is a folder", "out is below a file"],
)
def test_what_is_wrong_with_a_file_is_told_in_a_line(
    capsys: pytest.CaptureFixture[str], content: bytes | None, arguments: list[str], told: str
) -> None:
    if content is not None:
        Path("in.jsonl").write_bytes(content)
    assert error(capsys, *arguments).startswith(told)
    assert not Path("out.jsonl").exists()


def error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as end:
        main(["score", "--out", "out.jsonl", *arguments])
    captured = capsys.readouterr()
    assert (end.value.code, captured.out) == (1, "")
    [line] = captured.err.splitlines()
    return line.removeprefix("error: ")


def test_no_heavy_library_is_loaded() -> None:
    write(ROW)
    code = (
        "import sys; from visualzero.cli import main; main(['score', 'in.jsonl', '--out', 'out.jsonl']);"
        "print([name for name in ('torch', 'transformers', 'pandas', 'numpy', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_real_responses_of_other_people_are_scored() -> None:
    rows = [row for row in real_rows("blink_model_outputs.jsonl") if row["model"] == "GPT4o" and "choices" in row]
    write(
        *(
            {
                "id": row["idx"],
                "question": row["task"],
                "choices": row["choices"],
                "answer_index": ord(row["answer"][1]) - ord("A"),
                "response": row["response"],
            }
            for row in rows
        )
    )
    found = scored("--scorer", "all")
    published = sum(row["official_prediction"][:3] == row["answer"] for row in rows)
    assert sum(row["correct"] for row in found) == published


def test_the_scorer_that_is_asked_for_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(response: str, choices: Sequence[str]) -> Parsed:
        raise AssertionError("nobody asked for this scorer")

    for name in scorers():
        if name != "vlmevalkit":
            monkeypatch.setitem(SCORERS, name, never)
    write(ROW)
    [row] = scored("--scorer", "vlmevalkit")
    assert row["prediction"] == 1
    assert "readings" not in row
