"""SAT: the questions with one image become rows, shuffled by the seed, in memory that doesn't grow with the file."""

import io
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hub_server import Hub, hub
from paper_files import SAT_SCHEMA, parquet, picture, sat_rows, write_sat
from visualzero.config import SAT
from visualzero.data.build import build_questions
from visualzero.data.question import read_questions
from visualzero.data.sat import FIRST, open_source, read_sat
from visualzero.errors import UserError
from visualzero.manifest import read_manifest, sha256

__all__ = ["hub"]  # the fixture
Row = dict[str, Any]


def row(**changes: Any) -> Row:
    """A row of SAT, as on its card."""
    return {
        "image_bytes": [picture(1)],
        "question": "Considering the relative positions, is the mug to the left or right of the lamp?",
        "answers": ["left", "right"],
        "question_type": "other",
        "correct_answer": "left",
    } | changes


def read(tmp_path: Path, rows: list[Row], **settings: Any) -> tuple[list[Row], Counter[str]]:
    """The rows of the Question table, and what was left out."""
    path = tmp_path / "SAT_train.parquet"
    write_sat(path, rows, rows_per_group=300)
    left_out: Counter[str] = Counter()
    source = SAT(**{"kind": "sat", "seed": 42} | settings)
    return list(read_sat(source, path, left_out)), left_out


def test_a_row_becomes_a_question(tmp_path: Path) -> None:
    [made], left_out = read(tmp_path, [row()])
    assert made == {
        "id": "sat-0",
        "source": "SAT",
        "task": "Relation",
        "image": {"bytes": picture(1), "path": "sat-0.jpg"},
        "question": "Considering the relative positions, is the mug to the left or right of the lamp?",
        "choices": made["choices"],
        "answer_index": made["choices"].index("left"),
        "image_id": made["image_id"],
    }
    assert sorted(made["choices"]) == ["left", "right"]
    assert Image.open(io.BytesIO(made["image"]["bytes"])).size == (56, 56)
    assert not left_out


@pytest.mark.parametrize(
    ("question", "kind", "task"),
    [
        ("How many mugs are visible in the scene?", "other", "Count"),
        ("Which point is closer to the camera taking this photo, point A or point B?", "other", "Depth"),
        ("Considering the relative positions, where is mug with respect to lamp?", "other", "Relation"),
        ("Is mug behind lamp?", "other", "other"),
        ("If I turn right, is the mug to my left?", "perspective", "perspective"),
    ],
)
def test_a_task_has_the_benchmarks_name_where_it_is_the_same(
    tmp_path: Path, question: str, kind: str, task: str
) -> None:
    [made], _ = read(tmp_path, [row(question=question, question_type=kind)])
    assert made["task"] == task


def test_rows_without_exactly_one_image_are_left_out_and_counted(tmp_path: Path) -> None:
    counts = [1, 2, 0, 1, None, 2]
    rows = [row(image_bytes=None if n is None else [picture(k) for k in range(n)]) for n in counts]
    made, left_out = read(tmp_path, rows)
    assert [one["id"] for one in made] == ["sat-0", "sat-3"]
    assert left_out == {"not exactly one image": 4}


def test_a_choice_with_a_comma_stays_whole(tmp_path: Path) -> None:
    answers = ["the mug, left of the lamp", "the lamp, near the mug", 'the "mug"']
    [made], _ = read(tmp_path, [row(answers=answers, correct_answer=answers[0])])
    assert sorted(made["choices"]) == sorted(answers)


def test_what_speaks_of_a_first_frame_is_tidied_in_choices_and_answer_alike(tmp_path: Path) -> None:
    answers = ["mug in the first frame", "lamp", "the mug in the first frame was moved"]
    [made], _ = read(tmp_path, [row(answers=answers, correct_answer=answers[0])])
    assert sorted(made["choices"]) == ["lamp", "mug", "the mug was moved"]
    assert made["choices"][made["answer_index"]] == "mug"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"correct_answer": "above"}, "the right answer is not among the choices"),
        ({"answers": ["left"]}, "fewer than two distinct choices"),
        ({"answers": ["left", "right", "left"]}, "fewer than two distinct choices"),
        ({"answers": ["left", "right", "left in the first frame"]}, "fewer than two distinct choices"),
        ({"answers": ["left", ""]}, "fewer than two distinct choices"),
    ],
)
def test_what_can_not_be_asked_is_left_out_with_its_reason(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    made, left_out = read(tmp_path, [row(), row(**changes)])
    assert [one["id"] for one in made] == ["sat-0"]
    assert left_out == {reason: 1}


# The order of choices


def test_the_order_of_choices_depends_on_the_seed_and_the_row_alone(tmp_path: Path) -> None:
    rows = list(sat_rows(60))
    once, _ = read(tmp_path, rows)
    again, _ = read(tmp_path, rows)
    static, _ = read(tmp_path, rows, policy="static")
    other, _ = read(tmp_path, rows, seed=43)
    assert once == again
    assert [one for one in once if one in static] == static
    assert [one["choices"] for one in once] != [one["choices"] for one in other]
    assert [(one["id"], sorted(one["choices"])) for one in once] == [
        (one["id"], sorted(one["choices"])) for one in other
    ]


@pytest.mark.parametrize("n", [2, 5])
def test_the_right_answer_is_as_often_in_each_place(tmp_path: Path, n: int) -> None:
    """SAT lists it first; a model would learn that."""
    answers = [str(k) for k in range(n)]
    made, _ = read(tmp_path, [row(answers=answers, correct_answer="0") for _ in range(2000)])
    found = Counter(one["answer_index"] for one in made)
    assert set(found) == set(range(n))
    assert all(abs(count - 2000 / n) < 4 * (2000 / n) ** 0.5 for count in found.values())


# Policies


def test_first_15000_reads_no_row_beyond(tmp_path: Path) -> None:
    few = [row(image_bytes=[b"\xff\xd8"]), row(image_bytes=[b"\xff\xd8", b"\xff\xd8"])]
    made, left_out = read(tmp_path, few * 7550)
    assert FIRST == 15_000
    assert [made[0]["id"], made[-1]["id"], len(made)] == ["sat-0", "sat-14998", 7500]
    assert left_out == {"not exactly one image": 7500}


def test_static_keeps_questions_about_scenes_in_which_nothing_moves(tmp_path: Path) -> None:
    made, _ = read(tmp_path, list(sat_rows(100)), policy="static")
    assert {one["task"] for one in made} == {"Count", "Depth", "Relation", "other"}
    assert len(made) == 70
    everything, _ = read(tmp_path, list(sat_rows(100)))
    assert {one["task"] for one in everything} > {one["task"] for one in made}


def test_balanced_2400_takes_the_first_800_of_each_kind(tmp_path: Path) -> None:
    few = [
        row(question=question, image_bytes=[b"\xff\xd8"])
        for question in ("How many mugs?", "Is it near the camera?", "Which relative position?", "Is the mug red?")
    ]
    made, _ = read(tmp_path, few * 900, policy="balanced_2400")
    assert Counter(one["task"] for one in made) == {"Count": 800, "Depth": 800, "Relation": 800}
    assert max(int(one["id"].removeprefix("sat-")) for one in made) == 4 * 799 + 2


def test_balanced_2400_of_too_little_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="balanced_2400 needs 800 of each kind, has 20 of Count, 20 of Depth, 20 of Rel"
    ):
        read(tmp_path, list(sat_rows(100)), policy="balanced_2400")


@pytest.mark.parametrize("policy", ["first_15000", "static", "balanced_2400"])
def test_n_keeps_the_first_ones(tmp_path: Path, policy: str) -> None:
    made, _ = read(tmp_path, list(sat_rows(100)), policy=policy, n=20)
    assert len(made) == 20
    more, _ = read(tmp_path, list(sat_rows(100)), policy=policy, n=25)
    assert more[:20] == made


def test_a_file_with_other_columns_is_told(tmp_path: Path) -> None:
    path = tmp_path / "SAT_train.parquet"
    path.write_bytes(parquet([row()], SAT_SCHEMA.remove(3)))
    source = SAT(kind="sat", seed=1)
    with pytest.raises(UserError) as caught:
        list(read_sat(source, path, Counter()))
    assert str(caught.value) == (
        "array/SAT/SAT_train.parquet: has no column 'question_type' (has image_bytes, question, answers,"
        " correct_answer): pin another revision"
    )


# From the hub to the table


def published(hub: Hub, rows: list[Row]) -> SAT:
    commit = hub.add("array/SAT", {"SAT_train.parquet": parquet(rows, SAT_SCHEMA), "SAT_val.parquet": b"not needed"})
    return SAT(kind="sat", revision=commit, seed=42)


def test_sat_comes_from_the_hub_and_becomes_a_table(hub: Hub, tmp_path: Path) -> None:
    source = published(hub, list(sat_rows(600)))
    out = tmp_path / "train.parquet"
    build_questions(source, out, "f" * 16, "data.train")
    table, manifest = read_questions(out), read_manifest(out.with_suffix(".json"))
    assert len(table) == manifest["rows"] == 480
    assert manifest["left_out"] == {"not exactly one image": 120}
    [(name, digest)] = manifest["downloads"].items()
    assert name == "SAT_train.parquet"
    assert digest == sha256(next((tmp_path / "hf").glob("**/snapshots/*/SAT_train.parquet")))
    assert manifest["source"]["revision"] == source.revision
    assert {name for _, name, _ in hub.asked} == {"SAT_train.parquet"}


def test_without_a_commit_sat_is_refused_with_the_key(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^data\.train\.revision: not pinned, .*/datasets/array/SAT/commits/main$"):
        open_source(SAT(kind="sat", seed=1), "data.train")


def peak_memory(tmp_path: Path, rows: int, rows_per_group: int) -> int:
    """Peak memory in MB of a process that makes a table of so many rows, of 20 kB each."""
    path, noise = tmp_path / f"{rows}.parquet", os.urandom(1_000_000)  # which doesn't compress, as JPEGs don't
    write_sat(path, (row(image_bytes=[noise[97 * n : 97 * n + 20_000]]) for n in range(rows)), rows_per_group)
    code = (
        "import sys; from collections import Counter; from pathlib import Path;"
        "from visualzero.config import SAT; from visualzero.data.sat import read_sat;"
        "from visualzero.data.question import write_questions;"
        "rows = read_sat(SAT(kind='sat', seed=1), Path(sys.argv[1]), Counter());"
        "assert write_questions(rows, Path(sys.argv[1] + '.out')) == int(sys.argv[2]);"
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(rows)], capture_output=True, text=True, check=True
    )
    return int(done.stdout) // 1024


@pytest.mark.skipif(
    not Path("/proc/self/status").is_file(), reason="needs Linux's /proc to know a process' peak memory"
)
def test_memory_does_not_grow_with_the_file_nor_with_its_row_groups(tmp_path: Path) -> None:
    small, large = peak_memory(tmp_path, 500, 500), peak_memory(tmp_path, 5000, 5000)
    assert large < small + 80, f"10 MB of images took {small} MB, 100 MB in one row group {large} MB"
