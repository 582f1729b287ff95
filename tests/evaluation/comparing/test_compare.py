"""`visualzero compare` and `visualzero inspect`: flipped answers, paired statistics, and one response in full."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from real_data import real
from visualzero.cli import main
from visualzero.data.question import write_questions

CONFIG = ["--config", str(Path(__file__).resolve().parents[3] / "config/config.yaml")]
CHOICES = ["0", "1", "2"]


def write(path: Path, rows: list[dict]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def scored(predictions: list[int | None], **more) -> list[dict]:
    """What `visualzero score` writes about counting questions of which "1" is right."""
    return [
        {
            "id": f"q{i}",
            "question": f"How many cubes are in scene {i}?",
            "choices": CHOICES,
            "answer_index": 1,
            "response": "I can't see." if chosen is None else f"<answer>{CHOICES[chosen]}</answer>",
            "prediction": chosen,
            "parse_class": "none" if chosen is None else "parsed",
            "correct": chosen == 1,
            **more,
        }
        for i, chosen in enumerate(predictions)
    ]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    return (
        write(tmp_path / "after.jsonl", scored([1, 1, 1, 0, 1, 1])),
        write(tmp_path / "before.jsonl", scored([0, None, 1, 1, 2, 1])),
    )


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main([*CONFIG, *arguments])
    return capsys.readouterr().out


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as end:
        main([*CONFIG, *arguments])
    assert end.value.code == 1
    [line] = capsys.readouterr().err.splitlines()
    return line.removeprefix("error: ")


def test_flipped_answers_are_listed_on_the_side_that_is_right(capsys: pytest.CaptureFixture[str], files) -> None:
    lines = told(capsys, "compare", *files).splitlines()
    assert lines[0].startswith(f"A  {files[0]}: 83.3 % [")
    assert lines[0].endswith("of 6 right, 100.0 % parsed")
    only_a, only_b = lines.index("Only A is right: 3"), lines.index("Only B is right: 1")
    assert lines[only_a + 1] == "  q0  How many cubes are in scene 0?"
    assert lines[only_a + 2] == "      right (B) 1, A (B) 1, B (A) 0"
    assert "      right (B) 1, A (B) 1, B no answer" in lines[only_a:only_b]
    assert lines[only_b + 1 :] == ["  q3  How many cubes are in scene 3?", "      right (B) 1, A (A) 0, B (B) 1"]


def test_a_comparison_as_json_has_the_paired_statistics(capsys: pytest.CaptureFixture[str], files) -> None:
    made = json.loads(told(capsys, "compare", *files, "--json"))
    assert made["difference"] == pytest.approx(2 / 6)
    assert (made["b10"], made["b01"], made["n"]) == (3, 1, 6)
    assert made["p_value"] == pytest.approx(0.625)
    assert made["a"]["parse_rate"] == 1.0
    assert made["b"]["accuracy"] == 0.5
    assert made["gain"]["format"] == pytest.approx(1 / 6 * (5 / 6 + 3 / 5) / 2)
    assert [(row["id"], row["right_in"]) for row in made["flipped"]] == [
        ("q0", "a"),
        ("q1", "a"),
        ("q3", "b"),
        ("q4", "a"),
    ]
    assert "is undecided: between" in made["claim"]


def test_rows_need_no_more_than_an_id_and_a_score(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", [{"id": 1, "correct": True}, {"id": 2, "correct": False}])
    b = write(tmp_path / "b.jsonl", [{"id": 2, "correct": False}, {"id": 1, "correct": False}])
    made = json.loads(told(capsys, "compare", a, b, "--json"))
    assert made["gain"] is None
    assert made["flipped"] == [
        {"id": "1", "right_in": "a", "task": None, "question": None, "answer": None}
        | {"prediction_a": None, "prediction_b": None}
    ]
    assert "  1\n" in told(capsys, "compare", a, b)


def test_questions_about_one_image_are_tested_as_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    right, wrong = scored([1] * 6, image_id="same"), scored([0] * 6, image_id="same")
    files = write(tmp_path / "a.jsonl", right), write(tmp_path / "b.jsonl", wrong)
    made = json.loads(told(capsys, "compare", *files, "--json"))
    assert made["p_value"] < 0.05
    assert made["p_clustered"] == 1.0
    assert "is undecided" in made["claim"]
    assert "by image p 1.000 (1 images)" in told(capsys, "compare", *files)


def test_the_same_pairs_scored_from_their_raw_responses(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    choices = [str(number) for number in range(13)]
    files = []
    for name in ("_grpo100", ""):
        content = json.loads(
            real(f"r1v/counting_results_superclevr_200_qwen2vl_2b_instruct{name}_legacy.json").read_text()
        )
        rows = [
            {"id": f"{i}", "question": row["question"]["question"], "response": row["model_output"]}
            | {"choices": choices, "answer_index": choices.index(str(row["ground_truth"]))}
            for i, row in enumerate(content["results"])
        ]
        responses, out = write(tmp_path / f"said{name}.jsonl", rows), str(tmp_path / f"scored{name}.jsonl")
        told(capsys, "score", responses, "--out", out)
        files.append(out)
    made = json.loads(told(capsys, "compare", *files, "--json"))
    assert (made["a"]["accuracy"], made["b"]["accuracy"]) == (0.825, 0.48)
    assert (made["b10"], made["b01"], made["n"]) == (74, 5, 200)


def test_published_pairs_of_one_model_before_and_after_grpo(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = []
    for name in ("_grpo100", ""):
        content = json.loads(
            real(f"r1v/counting_results_superclevr_200_qwen2vl_2b_instruct{name}_legacy.json").read_text()
        )
        rows = [
            {"id": f"{i}", "question": row["question"]["question"], "response": row["model_output"]}
            | {"prediction": row["extracted_answer"], "correct": row["extracted_answer"] == row["ground_truth"]}
            for i, row in enumerate(content["results"])
        ]
        files.append(write(tmp_path / f"r1v{name}.jsonl", rows))
    made = json.loads(told(capsys, "compare", *files, "--json"))
    assert (made["a"]["accuracy"], made["b"]["accuracy"]) == (0.825, 0.48)
    assert (made["b10"], made["b01"], made["n"]) == (74, 5, 200)
    assert made["error"] == pytest.approx(0.037, abs=5e-4)
    assert (made["gain"]["joint_n"], made["b"]["parse_rate"]) == (155, 0.775)
    assert len(made["flipped"]) == 79


@pytest.mark.parametrize(
    ("b", "message"),
    [
        (None, "no.jsonl: no such file"),
        (scored([1, 1]), "a.jsonl and {b}: not the same questions: 1 only in "),
        ([{"id": "q0"}], "row 1 has no id and score: score the file with `visualzero score` first"),
        (scored([1]) * 2, "row 2: id 'q0' occurs twice"),
        ([{"id": "q0", "correct": True, "prediction": "B"}], "row 1: prediction is 'B': give an index from 0, or null"),
    ],
)
def test_files_that_can_not_be_compared_are_told_in_a_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, b: list[dict] | None, message: str
) -> None:
    a = write(tmp_path / "a.jsonl", scored([1, 1, 0]))
    other = write(tmp_path / "b.jsonl", b) if b else str(tmp_path / "no.jsonl")
    assert message.format(b=other) in error_of(capsys, "compare", a, other)


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("question", "How many balls?", "question"),
        ("choices", ["1", "0"], "choices"),
        ("answer_index", 0, "right answer"),
    ],
)
def test_other_questions_under_the_same_ids_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, key: str, value: object, what: str
) -> None:
    a = write(tmp_path / "a.jsonl", scored([1, 1, 0]))
    b = write(tmp_path / "b.jsonl", [row | ({key: value} if row["id"] == "q1" else {}) for row in scored([1, 1, 0])])
    assert error_of(capsys, "compare", a, b) == (
        f"{a} and {b}: not the same questions: 1 have another {what}, such as 'q1': compare responses to one version of"
        " the benchmark"
    )


def test_a_comparison_is_told_under_every_scorer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Tags that lmms can't read against letters that it can: each is ahead under one of the two."""
    tagged = scored([1] * 40)
    letters = [
        row | {"response": "(B)" if i < 20 else "Well, B"} for i, row in enumerate(scored([1] * 20 + [None] * 20))
    ]
    files = write(tmp_path / "a.jsonl", tagged), write(tmp_path / "b.jsonl", letters)
    made = json.loads(told(capsys, "compare", *files, "--json"))
    assert made["ahead"] == files[0]
    assert made["scorers"]["lmms"]["sign"] == -1
    assert made["changes_sign"]
    assert re.search(r"is behind under .*lmms.*: a matter of form", made["claim"])
    assert "a matter of form" in told(capsys, "compare", *files)


def test_a_margin_makes_equal_what_lies_within_it(capsys: pytest.CaptureFixture[str], files) -> None:
    assert "differ by less than 50.0 points" in told(capsys, "compare", files[0], files[0], "--margin", "0.5")
    assert "is undecided" in told(capsys, "compare", files[0], files[0])
    with pytest.raises(SystemExit):
        main(["compare", *files, "--margin", "2"])
    assert "'2' is no share between 0 and 1" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["compare", "inspect"])
def test_neither_command_loads_torch(command: str, files) -> None:
    script = "import sys; from visualzero.cli import main; main(sys.argv[1:]); assert 'torch' not in sys.modules"
    arguments = files if command == "compare" else (files[0], "q0")
    subprocess.run([sys.executable, "-c", script, command, *arguments], check=True, stdout=subprocess.DEVNULL)


def test_a_reader_that_stops_early_is_no_error(files) -> None:
    command = [sys.executable, "-m", "visualzero", "compare", *files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


# Runs of the study


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of two arms as the stages before write them, in the current folder."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "results/demo"
    rows = scored([1, 0])
    write_questions(
        [
            {key: row[key] for key in ("id", "question", "choices", "answer_index")}
            | {"source": "toyspace2d", "task": "Count", "image_id": row["id"], "image": {"bytes": b"x", "path": "x"}}
            for row in rows
        ],
        root / "data/toyspace.parquet",
    )
    for arm, predictions in (("base-reason/untrained", [1, 0]), ("base-grpo/1", [1, 1])):
        table = [
            {key: row[key] for key in ("id", "answer_index", "prediction", "parse_class", "correct")}
            | {"task": "Count", "source": "toyspace2d", "image_id": row["id"], "n_tokens": 12, "finish_reason": "stop"}
            | {"readings": {"strict": row["prediction"], "letter": None}}
            for row in scored(predictions)
        ]
        write(root / f"scores/{arm}/toyspace.jsonl", table)
        said = [{"id": row["id"], "response": row["response"], "prompt_sha": "other"} for row in scored(predictions)]
        write(root / f"predictions/{arm}/toyspace.jsonl", said)
    return root


def test_runs_are_compared_by_name(capsys: pytest.CaptureFixture[str], study: Path) -> None:
    said = told(capsys, "compare", "base-grpo", "base-reason")
    assert "base-grpo/1 against base-reason is undecided, seed 1: between" in said
    assert "+50.0 seen (n=2," in said
    assert "; one training, which says nothing of other seeds" in said
    assert "base-grpo/1 is undecided under every scorer" in said
    assert "  q1  [Count] How many cubes are in scene 1?" in said
    assert told(capsys, "compare", "base-grpo/1", "base-reason", "--benchmark", "toyspace") == said


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bas-grpo", "did you mean 'base-grpo'?"),
        ("base-grpo/7", "results/demo/scores/base-grpo/7/toyspace.jsonl: no such file"),
        ("base-grpo/one", "base-grpo/one: 'one' is no seed: give a whole number, such as base-grpo/1"),
        ("base-reason/1", "'base-reason' is not trained, so it has no seeds: leave /1 out"),
        ("instruct", "results/demo/scores/instruct/untrained/toyspace.jsonl: no such file"),
    ],
)
def test_a_run_that_is_not_there_is_told(
    capsys: pytest.CaptureFixture[str], study: Path, name: str, message: str
) -> None:
    assert message in error_of(capsys, "compare", name, "base-grpo")


def test_a_run_is_inspected_with_question_response_and_readings(
    capsys: pytest.CaptureFixture[str], study: Path
) -> None:
    assert told(capsys, "inspect", "base-grpo", "q1") == (
        "q1  task Count, source toyspace2d\n"
        "\n"
        "Question\n"
        "  | How many cubes are in scene 1?\n"
        "  (A) 0\n"
        "  (B) 1  <- right\n"
        "  (C) 2\n"
        "\n"
        "Response 12 tokens, ended by stop\n"
        "  | <answer>1</answer>\n"
        "\n"
        "Readings\n"
        "  strict  (B) 1\n"
        "  letter  no answer\n"
        "\n"
        "Score\n"
        "  (B) 1, parsed, right\n"
    )


def test_the_prompt_is_shown_if_it_is_the_one_that_was_asked(capsys: pytest.CaptureFixture[str], study: Path) -> None:
    from visualzero.evaluation.answering.asking import Asked
    from visualzero.prompts import question_text, render

    prompt = render("r1_zero", question_text("How many cubes are in scene 1?", CHOICES, "lettered"))
    path = study / "predictions/base-grpo/1/toyspace.jsonl"
    rows = pd.read_json(path, lines=True).assign(prompt_sha=Asked("q1", prompt, None, ()).prompt_sha)
    write(path, rows.to_dict("records"))
    said = told(capsys, "inspect", "base-grpo", "q1")
    assert "Prompt\n  | <|vision_start|><|image_pad|><|vision_end|>A conversation between" in said
    assert "  | (B) 1\n" in said


def test_a_row_of_a_file_is_read_by_every_scorer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [
        {"id": "x", "question": "How many?", "choices": CHOICES, "answer_index": 1, "response": "Two.\x1b[2J\n(C) 2"}
    ]
    said = told(capsys, "inspect", write(tmp_path / "said.jsonl", rows), "x")
    assert "\n  strict  " in said
    assert "(C) 2\n" in said.split("Readings")[1]
    assert "\x1b" not in said


def test_an_id_that_is_not_there_is_told_with_near_ones(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write(tmp_path / "said.jsonl", scored([1, 1]))
    assert error_of(capsys, "inspect", path, "q7") == f"{path}: no question 'q7' among its 2: choose one such as q1, q0"
