"""How often the interval of `causes.blind` covers the share of questions that shortcuts were planted in.

    python benchmarks/blind.py                                   # 200 studies of 800 questions for each kind and share
    python benchmarks/blind.py --studies 20 --kinds "letter by task" --shares 0.2

Questions of toyspace without their images; a question is given away with the planted chance. Prints a table in
Markdown: the estimate's mean and spread, and how often its interval covers the chance, lies below it, and above. About
half a second of CPU time for each study.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where the shortcuts are

from planted_shortcuts import ORDER, SHORTCUTS, Row, plant, tasks_of, unseen
from visualzero.evaluation.statistics.blind import blind_chances, told, told_share


def main() -> None:
    """Make the studies and print the table."""
    parser = argparse.ArgumentParser(description="How often the blind share's interval covers what was planted.")
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--questions", type=int, default=800)
    parser.add_argument("--kinds", nargs="+", choices=SHORTCUTS, default=list(SHORTCUTS))
    parser.add_argument("--shares", nargs="+", type=float, default=[0.2, 0.5, 0.8])
    asked = parser.parse_args()
    clean = [unseen(asked.questions, seed) for seed in range(asked.studies)]
    print("| shortcut | share | estimate | spread | covered | below | above | CPU seconds |")
    print("|---|---|---|---|---|---|---|---|")
    report("none", 0.0, clean)
    for kind in asked.kinds:
        for share in asked.shares:
            if share * len(ORDER) <= len(tasks_of(kind, share)):
                report(kind, share, [plant(rows, kind, share, seed) for seed, rows in enumerate(clean)])


def report(kind: str, share: float, studies: list[list[Row]]) -> None:
    """One line of the table."""
    start = time.process_time()
    found, bounds = zip(*map(recovered, studies), strict=True)
    seconds = (time.process_time() - start) / len(studies)
    low, high = np.array(bounds).T
    below, above = (high < share).mean(), (low > share).mean()
    print(
        f"| {kind} | {share:.2f} | {np.mean(found):.3f} | {np.std(found):.3f} | {1 - below - above:.3f}"
        f" | {below:.3f} | {above:.3f} | {seconds:.2f} |",
        flush=True,
    )


def recovered(rows: list[Row]) -> tuple[float, tuple[float, float]]:
    """The share of a study's questions that their texts answer, and its interval."""
    right = told(blind_chances(rows).chances, [row["answer_index"] for row in rows])
    guessed = np.array([1 / len(row["choices"]) for row in rows])
    return told_share(right, guessed, [row["image_id"] for row in rows])


if __name__ == "__main__":
    main()
