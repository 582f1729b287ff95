"""How fast a SAT file becomes the Question table, and how fast by the official route (parquet, CSV, expressions).

    python benchmarks/sat.py [--rows 20000] [--no-png] [--python VENV_WITH_DUCKDB/bin/python]

Makes a file of SAT's schema with JPEGs of 512 x 512 pixels and about 21 kB, the mean of SAT_static.parquet (2.63 GB for
127 405 images), and converts it by both routes, each in a process of its own. Prints seconds and peak memory (Linux).

The official route (turningpoint-ai/VisualThinker-R1-Zero at cd71978, src/data/SAT/process_dataset.py) writes the
parquet file as CSV with DuckDB, reads the CSV with pandas, finds the images' bytes in the text with a regular
expression, writes each as PNG, and the questions as JSON. Here it is reimplemented from its description, with the
fastest way that Python has for each part. DuckDB is no dependency of the project: `--python` names an interpreter that
has it (below 1.3.0: later versions write bytes in a way of which the script finds no image); without it Python writes
the CSV, in the form that DuckDB gives it. Times are told part by part, so that anyone can leave out what seems unfair,
and as CPU seconds too, which another load on the machine changes little. PNG takes nearly all of them (0.13 CPU s an
image, so half an hour for 20000 rows): `--no-png` leaves that part out.
"""

import argparse
import csv
import io
import itertools
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))  # where the files of the data sets are described

SIDE, COARSE, NOISE, QUALITY, MOTIFS = 512, 12, 4, 75, 256
PNG = "JPEG to PNG"
JPEG = re.compile(r"\\xFF\\xD8\\xFF")  # its first bytes in the CSV


def motifs() -> list[bytes]:
    """JPEGs of smooth random scenes, in size and entropy like renderings of rooms."""
    random_numbers = np.random.default_rng(0)
    found = []
    for _ in range(MOTIFS):
        coarse = random_numbers.integers(0, 256, (COARSE, COARSE, 3), dtype=np.uint8)
        pixels = np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.int16)
        noisy = (pixels + random_numbers.integers(-NOISE, NOISE + 1, pixels.shape)).clip(0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(noisy).save(buffer, "JPEG", quality=QUALITY)
        found.append(buffer.getvalue())
    return found


def images() -> Iterator[bytes]:
    """Endless images of which no two are the same bytes: a comment in each holds its number."""
    scenes = motifs()
    for number in itertools.count():
        comment = f"{number:08}".encode()
        scene = scenes[number % MOTIFS]
        yield scene[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + scene[2:]


def make(path: Path, rows: int) -> None:
    """Write the file."""
    from paper_files import sat_rows, write_sat

    supply = images()
    write_sat(path, sat_rows(rows, lambda number: next(supply)))


class Clock:
    """Seconds and CPU seconds of the parts of a route."""

    def __init__(self) -> None:
        self.parts: dict[str, tuple[float, float]] = {}

    @contextmanager
    def time(self, part: str) -> Iterator[None]:
        """Add what the block takes to `part`."""
        begun = time.perf_counter(), time.process_time()
        yield
        now = time.perf_counter(), time.process_time()
        before = self.parts.get(part, (0.0, 0.0))
        self.parts[part] = (before[0] + now[0] - begun[0], before[1] + now[1] - begun[1])


def ours(path: Path, out: Path, clock: Clock) -> None:
    """Convert the file as the data stage does."""
    from visualzero.config import SAT
    from visualzero.data.question import write_questions
    from visualzero.data.sat import read_sat

    with clock.time("parquet to Question table"):
        rows = read_sat(SAT(kind="sat", seed=42, policy="first_15000"), path, Counter())
        write_questions(rows, out / "train.parquet")


def official(path: Path, out: Path, clock: Clock, png: bool) -> None:
    """Convert the file as the official script does: all rows to CSV, the first 15000 of them to PNG and JSON."""
    import pandas as pd

    with clock.time("CSV written"):
        _to_csv(path, out / "sat.csv")
    with clock.time("CSV read with pandas"):
        table = pd.read_csv(out / "sat.csv")
    (out / "images").mkdir()
    messages = []
    for number, row in enumerate(table.head(15_000).itertuples()):
        with clock.time("images found in the text"):
            found = _images(row.image_bytes)
        if len(found) != 1:
            continue
        name = out / "images" / f"{number}.png"
        if png:
            with clock.time(PNG):
                Image.open(io.BytesIO(found[0])).save(name)
        choices = row.answers.strip("[]").split(", ")
        random.shuffle(choices)
        listed = " or ".join([", ".join(choices[:-1]), choices[-1]])
        text = f"<image> Answer in natural language. {row.question} Choose between the following options: {listed}"
        said = [{"role": "user", "content": text}, {"role": "assistant", "content": row.correct_answer}]
        messages.append({"messages": said, "images": [str(name)]})
    (out / "SAT_train_15000.json").write_text(json.dumps(messages))
    assert messages, "no image was found in the CSV"


def _to_csv(path: Path, out: Path) -> None:
    try:
        import duckdb
    except ImportError:
        print("    (no DuckDB here: Python writes the CSV)")
        _python_csv(path, out)
    else:
        duckdb.sql(f"COPY (SELECT * FROM '{path}') TO '{out}' (HEADER, DELIMITER ',')")


def _python_csv(path: Path, out: Path) -> None:
    """CSV in which bytes are written as DuckDB 1.2 does: printable ASCII as it is, the rest as escapes."""
    import pyarrow.parquet as pq

    plain = {code: chr(code) for code in range(32, 127) if chr(code) not in "\\'\""}
    written = {code: plain.get(code, f"\\x{code:02X}") for code in range(256)}
    with out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_bytes", "question", "answers", "question_type", "correct_answer"])
        for batch in pq.ParquetFile(path).iter_batches(256):
            for row in batch.to_pylist():
                blobs = ", ".join(image.decode("latin-1").translate(written) for image in row["image_bytes"])
                answers = f"[{', '.join(row['answers'])}]"
                writer.writerow([f"[{blobs}]", row["question"], answers, row["question_type"], row["correct_answer"]])


def _images(text: str) -> list[bytes]:
    """The images in DuckDB's text of a list; each begins with a JPEG's first bytes."""
    starts = [match.start() for match in JPEG.finditer(text)]
    parts = [text[start:end] for start, end in itertools.pairwise([*starts, len(text)])]
    return [part.encode("latin-1").decode("unicode_escape").encode("latin-1") for part in parts]


def peak_memory() -> float:
    """Peak memory of this process in MB (Linux)."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Make the file, run each route in its own process, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--no-png", action="store_true", help="without the images' conversion, which takes longest")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the official route (one with DuckDB)")
    parser.add_argument("--route", choices=("ours", "official"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--result", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.route:
        clock = Clock()
        with tempfile.TemporaryDirectory() as folder:
            if options.route == "ours":
                ours(options.file, Path(folder), clock)
            else:
                official(options.file, Path(folder), clock, png=not options.no_png)
        Path(options.result).write_text(json.dumps({"parts": clock.parts, "peak": peak_memory()}))
        return
    with tempfile.TemporaryDirectory() as folder:
        file, result = Path(folder) / "SAT_train.parquet", Path(folder) / "result.json"
        make(file, options.rows)
        print(f"{options.rows} rows, {file.stat().st_size / 1e6:.0f} MB of parquet")
        cpu = {}
        for route, python in (("ours", sys.executable), ("official", options.python)):
            command = [python, __file__, "--route", route, "--file", str(file), "--result", str(result)]
            command += ["--no-png"] if options.no_png else []
            subprocess.run(command, check=True)
            done = json.loads(result.read_text())
            cpu[route] = {part: seconds[1] for part, seconds in done["parts"].items()}
            wall = sum(seconds[0] for seconds in done["parts"].values())
            print(f"{route}: {wall:.1f} s, {sum(cpu[route].values()):.1f} CPU s, peak {done['peak']:.0f} MB")
            for part, seconds in done["parts"].items():
                print(f"    {part}: {seconds[0]:.1f} s, {seconds[1]:.1f} CPU s")
        mine, theirs = sum(cpu["ours"].values()), sum(cpu["official"].values())
        without = (theirs - cpu["official"].get(PNG, 0.0)) / mine
        print(f"ratio of CPU s: {f'{theirs / mine:.1f}; ' if not options.no_png else ''}without the PNGs {without:.1f}")


if __name__ == "__main__":
    main()
