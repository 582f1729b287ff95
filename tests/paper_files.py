"""Files as the paper's data sets publish them: the same names, columns, types and templates, with drawn images.

`publish` puts all of them into a stand-in of the hub, with any two checkpoints behind the names of the paper's models.
"""

import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from hub_server import Hub

Row = dict[str, Any]
OBJECTS = ("chair", "table", "lamp", "sofa", "clock", "plant", "mug", "book")
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
SAT_SCHEMA = pa.schema(
    [
        ("image_bytes", pa.list_(pa.binary())),
        ("question", pa.string()),
        ("answers", pa.list_(pa.string())),
        ("question_type", pa.string()),
        ("correct_answer", pa.string()),
    ]
)
CVBENCH_SCHEMA = pa.schema(
    [
        ("idx", pa.int32()),
        ("type", pa.string()),
        ("task", pa.string()),
        ("image", IMAGE),
        ("question", pa.string()),
        ("choices", pa.list_(pa.string())),
        ("answer", pa.string()),
        ("prompt", pa.string()),
        ("filename", pa.string()),
        ("source", pa.string()),
        ("source_dataset", pa.string()),
        ("source_filename", pa.string()),
        ("target_class", pa.string()),
        ("target_size", pa.int32()),
        ("bbox", pa.list_(pa.list_(pa.float32()))),
    ]
)
BLINK_SCHEMA = pa.schema(
    [
        ("idx", pa.string()),
        ("question", pa.string()),
        ("sub_task", pa.string()),
        *((f"image_{number}", IMAGE) for number in (1, 2, 3, 4)),
        ("choices", pa.list_(pa.string())),
        ("answer", pa.string()),
        ("prompt", pa.string()),
    ]
)


def picture(number: int, size: tuple[int, int] = (56, 56), format: str = "JPEG") -> bytes:
    """An encoded image of one color, another for each number."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (number % 256, number // 256 % 256, 99)).save(buffer, format)
    return buffer.getvalue()


def sat_rows(n: int, image: Callable[[int], bytes] = picture) -> Iterator[Row]:
    """SAT's rows, the right answer first: of ten, seven are about a static scene and have one image."""
    for number in range(n):
        x, y = OBJECTS[number % 8], OBJECTS[(number + 1 + number // 8 % 7) % 8]
        count, kind, images = number % 7, "other", 1
        question, answers = [
            (f"How many {x}s are visible in the scene?", [str(count + k) for k in (0, 3, 1, 2, 4)]),
            (f"Which object is closer to the camera taking this photo, {x} or {y}?", [x, f"{y} in the first frame"]),
            ("Which point is closer to the camera taking this photo, point A or point B?", ["A", "B"]),
            (f"Is {x} behind {y}?", ["no", "yes"]),
            (f"Considering the relative positions, where is {x} with respect to {y}?", ["left", "right"]),
            (f"Considering the relative positions, where is {y} with respect to {x}?", ["above", "below"]),
            (f"How many {y}s are visible in the scene?", [str(count + k) for k in (1, 0, 4, 2, 3)]),
            ("How did the camera likely move when shooting the video?", ["rotated left, then forward", "did not move"]),
            (f"Were any of the objects moved? If so, {x}?", [f"{x} in the first frame was moved left", "none moved"]),
            (f"If I stand at the {x}, facing {y}, is the door to my left or right?", ["left", "right"]),
        ][number % 10]
        if number % 10 > 6:
            kind = ("ego_movement", "obj_movement", "perspective")[number % 10 - 7]
            images = 1 if kind == "perspective" else 2
        yield {
            "image_bytes": [image(2 * number + k) for k in range(images)],
            "question": question,
            "answers": answers,
            "question_type": kind,
            "correct_answer": answers[0],
        }


def write_sat(path: Path, rows: Iterable[Row], rows_per_group: int = 1000) -> None:
    """Write SAT's file; memory holds one row group."""
    waiting = iter(rows)
    with pq.ParquetWriter(path, SAT_SCHEMA) as writer:
        while group := list(itertools.islice(waiting, rows_per_group)):
            writer.write_table(pa.Table.from_pylist(group, SAT_SCHEMA), row_group_size=rows_per_group)


def cvbench_rows() -> list[Row]:
    """CV-Bench's 2638 rows; of every ten photographs one has two questions."""
    tasks = [("Count", 788), ("Relation", 650), ("Depth", 600), ("Distance", 600)]
    return [_cvbench_row(idx, task) for idx, task in enumerate(task for task, n in tasks for _ in range(n))]


def _cvbench_row(idx: int, task: str) -> Row:
    x, y, z = OBJECTS[idx % 8], OBJECTS[(idx + 1) % 8], OBJECTS[(idx + 3) % 8]
    flat = task in ("Count", "Relation")
    source = ("ADE20K", "COCO")[idx % 2] if flat else "Omni3D"
    question, choices = {
        "Count": (f"How many {x}s are in the image?", [str(k) for k in range(4 + idx % 3)]),
        "Relation": (
            f"Considering the relative positions of the {x} and the {y} in the image provided, where is the {x} located"
            f" with respect to the {y}?",
            ["above", "below"] if idx % 3 else ["left", "right"],
        ),
        "Depth": (
            f"Which object is closer to the camera taking this photo, the {x} (highlighted by a red box) or the {y}"
            " (highlighted by a blue box)?",
            [x, y],
        ),
        "Distance": (
            f"Estimate the real-world distances between objects in this image. Which object is closer to the {z} "
            f"(highlighted by a red box), the {x} (highlighted by a blue box) or the {y} (highlighted by a green box)?",
            [x, y],
        ),
    }[task]
    photograph = idx - 1 if idx % 10 == 7 else idx
    return {
        "idx": idx,
        "type": "2D" if flat else "3D",
        "task": task,
        "image": {"bytes": picture(photograph, format="PNG"), "path": f"{idx}.png"},
        "question": question,
        "choices": choices,
        "answer": f"({ascii_uppercase[idx % len(choices)]})",
        "prompt": lettered(f"{question} ", choices),
        "filename": f"img/{'2D' if flat else '3D'}/{task.lower()}/{source.lower()}_{idx}.png",
        "source": source if source != "COCO" or idx % 10 != 7 else "ADE20K",
        "source_dataset": f"{source} Validation Set",
        "source_filename": f"{photograph:08}.jpg",
        "target_class": x if source == "COCO" else None,
        "target_size": 1000 if source == "COCO" else None,
        "bbox": None if flat else [[0.0, 1.0, 2.0, 3.0]],
    }


def lettered(question: str, choices: Sequence[str]) -> str:
    listed = "".join(f"\n({letter}) {choice}" for letter, choice in zip(ascii_uppercase, choices, strict=False))
    return f"{question}Select from the following choices.{listed}"


def cvbench_files(rows: Sequence[Row]) -> dict[str, bytes]:
    """CV-Bench's two files, by name."""
    halves = {"test_2d.parquet": "2D", "test_3d.parquet": "3D"}
    return {
        name: parquet([row for row in rows if row["type"] == half], CVBENCH_SCHEMA) for name, half in halves.items()
    }


def blink_rows(task: str, n: int) -> list[Row]:
    """A task of BLINK's validation split: `n` questions with one image, and as in its other tasks, one with two."""
    asked = {
        "Relative_Depth": (
            "Two points are circled on the image, labeled by A and B beside each circle. Which point is closer to the"
            " camera?",
            ["A is closer", "B is closer"],
        ),
        "Spatial_Relation": ("Is the car beneath the cat?", ["yes", "no"]),
    }
    question, choices = asked[task]
    return [
        {
            "idx": f"val_{task}_{number}",
            "question": question,
            "sub_task": task,
            "image_1": {"bytes": picture(number), "path": None},
            "image_2": {"bytes": picture(number + 1), "path": None} if number > n else None,
            "image_3": None,
            "image_4": None,
            "choices": choices,
            "answer": f"({'AB'[number % 2]})",
            "prompt": lettered(f"{question}\n", choices),
        }
        for number in range(1, n + 2)
    ]


def blink_files(counts: dict[str, int] | None = None) -> dict[str, bytes]:
    """BLINK's validation files, by name."""
    counts = counts or {"Relative_Depth": 124, "Spatial_Relation": 143}
    return {
        f"{task}/val-00000-of-00001.parquet": parquet(blink_rows(task, n), BLINK_SCHEMA) for task, n in counts.items()
    }


def vsr_rows(link: Callable[[str], str], n: int = 2195) -> list[Row]:
    """VSR's test rows; fifteen statements about each photograph, whose link is that of its file name."""
    rows = []
    for number in range(n):
        x, y = OBJECTS[number % 8], OBJECTS[(number + 3) % 8]
        name = f"{number // 15:012}.jpg"
        rows.append(
            {
                "image": name,
                "image_link": link(name),
                "caption": f"The {x} is left of the {y}.",
                "label": number % 2,
                "relation": "left of",
                "annotator_id": 2,
                "vote_true_validator_id": "[18, 2]",
                "vote_false_validator_id": "[1]",
                "subj": x,
                "obj": y,
            }
        )
    return rows


def jsonl(rows: Iterable[Row]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(rows: Sequence[Row], schema: pa.Schema) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema), buffer)
    return buffer.getvalue()


def publish(hub: Hub, base: Path, instruct: Path, sat: int = 400) -> dict[str, object]:
    """Put the paper's data (`sat` rows of SAT) and two checkpoint folders into the hub, under their real names.

    Returns the settings with which `scale: paper` uses them: the commits, which are this hub's own.
    """
    buffer = io.BytesIO()
    write_sat(buffer, sat_rows(sat))  # type: ignore[arg-type]
    photographs = {row["image"] for row in vsr_rows(str)}
    hub.web |= {f"train2017/{name}": picture(int(name[:-4])) for name in photographs}
    files = {
        "array/SAT": {"SAT_train.parquet": buffer.getvalue()},
        "nyu-visionx/CV-Bench": cvbench_files(cvbench_rows()),
        "BLINK-Benchmark/BLINK": blink_files(),
        "cambridgeltl/vsr_random": {"test.jsonl": jsonl(vsr_rows(lambda name: f"{hub.url}/web/train2017/{name}"))},
    }
    commit = {name: hub.add(name, content) for name, content in files.items()}
    for name, folder in (("Qwen/Qwen2-VL-2B", base), ("Qwen/Qwen2-VL-2B-Instruct", instruct)):
        content = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != "manifest.json"}
        commit[name] = hub.add(name, content, kind="model")
    benchmarks = {"cvbench": "nyu-visionx/CV-Bench", "blink": "BLINK-Benchmark/BLINK", "vsr": "cambridgeltl/vsr_random"}
    models = {"base": "Qwen/Qwen2-VL-2B", "instruct": "Qwen/Qwen2-VL-2B-Instruct"}
    return {
        "data": {
            "train": {"revision": commit["array/SAT"]},
            "benchmarks": {name: {"source": {"revision": commit[repo]}} for name, repo in benchmarks.items()},
        },
        "models": {name: {"repo": repo, "revision": commit[repo]} for name, repo in models.items()},
    }
