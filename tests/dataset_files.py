"""Files as public data sets publish them: the same names, columns and types, with drawn images.

Written by `datasets` itself, as the hub's are, so that what it notes of its features is there too.
"""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
from datasets import ClassLabel, Features, Image, List, Value

from paper_files import BLINK_SCHEMA, lettered, parquet, picture

Row = dict[str, Any]
TEXT = Value("string")
MMSTAR = Features(
    {
        "index": Value("int64"),
        "question": TEXT,
        "image": Image(),
        "answer": TEXT,
        "category": TEXT,
        "l2_category": TEXT,
        "meta_info": {"source": TEXT, "split": TEXT, "image_path": TEXT},
    }
)
SIZE = {"img_height": Value("int64"), "img_width": Value("int64")}
META = ("category", "context", "grade", "language", "source", "split", "task")
MATHVISTA = Features(
    dict.fromkeys(("pid", "question", "image", "unit", "answer", "question_type", "answer_type", "query"), TEXT)
    | {"decoded_image": Image(), "choices": List(TEXT), "precision": Value("float64")}
    | {"metadata": dict.fromkeys(META, TEXT) | SIZE | {"skills": List(TEXT)}}
)
COUNTING = Features({"image": Image(), "problem": TEXT, "solution": TEXT})
CLASSES = Features({"image": Image(), "question": TEXT, "answer": ClassLabel(names=["no", "yes"]), "n": Value("int32")})


def mmstar_rows(n: int) -> list[Row]:
    """MMStar's rows: the options stand in the question's text."""
    asked = [
        (
            "Which option describe the object relationship in the image correctly?\nOptions: A: The suitcase is on the"
            " book., B: The suitcase is beneath the cat., C: The suitcase is beneath the bed., D: The suitcase is"
            " beneath the book.",
            "A",
            ("instance reasoning", "cross-instance relation reasoning"),
        ),
        (
            "How many animals are there?\nOptions: A: 4, B: 1, C: 3, D: 2",
            "C",
            ("instance reasoning", "single-instance reasoning"),
        ),
        (
            "Hint: Please answer the question and provide the correct option letter, e.g., (A), (B), (C), at the"
            " end.\nQuestion: Is the angle larger?\nChoices:\n(A) 30\u00b0\n(B) 60\u00b0",
            "B",
            ("math", "geometry"),
        ),
    ]
    rows = []
    for number in range(n):
        question, answer, (category, finer) = asked[number % 3]
        meta = {"source": "SEEDBench_IMG", "split": "val", "image_path": f"images/{number}.jpg"}
        rows.append(
            {
                "index": number,
                "question": question,
                "image": {"bytes": picture(number), "path": None},
                "answer": answer,
                "category": category,
                "l2_category": finer,
                "meta_info": meta,
            }
        )
    return rows


def mathvista_rows(n: int) -> list[Row]:
    """MathVista's rows: in turn with choices, one of which the answer repeats, and without."""
    rows = []
    for number in range(1, n + 1):
        listed = number % 2 == 0
        question = "Is the last bar the largest one?" if listed else "How many bars are there?"
        rows.append(
            {
                "pid": str(number),
                "question": question,
                "image": f"images/{number}.jpg",
                "decoded_image": {"bytes": picture(number), "path": None},
                "choices": ["Yes", "No"] if listed else None,
                "unit": None,
                "precision": None if listed else 1.0,
                "answer": "No" if listed else "4",
                "question_type": "multi_choice" if listed else "free_form",
                "answer_type": "text" if listed else "integer",
                "metadata": dict.fromkeys(META, "x") | {"skills": ["x"], "img_height": 4, "img_width": 4},
                "query": f"Hint: ...\nQuestion: {question}",
            }
        )
    return rows


def counting_rows(n: int) -> list[Row]:
    """Rows of R1-V's counting set (CLEVR-CoGenT)."""
    return [
        {
            "image": {"bytes": picture(number, format="PNG"), "path": f"CLEVR_trainA_{number:06}.png"},
            "problem": "How many items are there in the image?",
            "solution": f"<answer> {3 + number % 7} </answer>",
        }
        for number in range(n)
    ]


def blink_several(task: str, n: int) -> list[Row]:
    """Rows of a BLINK task that shows several images, two in even rows and four in odd ones."""
    question = "Which image is most similar to the first one?"
    rows = []
    for number in range(n):
        shown = 4 if number % 2 else 2
        choices = ["the second image", "the third image"]
        images = {
            f"image_{k}": {"bytes": picture(10 * number + k), "path": None} if k <= shown else None
            for k in (1, 2, 3, 4)
        }
        rows.append(
            {
                "idx": f"val_{task}_{number + 1}",
                "question": question,
                "sub_task": task,
                **images,
                "choices": choices,
                "answer": f"({'AB'[number % 2]})",
                "prompt": lettered(f"{question}\n", choices),
            }
        )
    return rows


def blink_file(task: str, n: int) -> dict[str, bytes]:
    return {f"{task}/val-00000-of-00001.parquet": parquet(blink_several(task, n), BLINK_SCHEMA)}


def written(rows: Sequence[Row], features: Features) -> bytes:
    """A parquet file as `datasets` writes it."""
    buffer = io.BytesIO()
    datasets.Dataset.from_list(list(rows), features=features).to_parquet(buffer)
    return buffer.getvalue()


def image_folder(folder: Path, rows: Sequence[Row], name: str = "metadata.jsonl") -> Path:
    """An ImageFolder: pictures, and a line for each in metadata.jsonl, which names it as `file_name`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, row in enumerate(rows):
        file = folder / "pictures" / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(picture(number, format="PNG"))
        lines.append(json.dumps({"file_name": f"pictures/{number}.png", **row}) + "\n")
    (folder / name).write_text("".join(lines), encoding="utf-8")
    return folder
