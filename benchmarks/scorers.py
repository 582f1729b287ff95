"""How each scorer reads real responses to BLINK, against the letters that BLINK's authors published.

    python benchmarks/scorers.py blink_model_outputs.jsonl

The file has rows of choices, answer "(B)", response and official_prediction, made from zeyofu/BLINK_Benchmark at
2d6a779, eval/saved_outputs: responses of ten models and the letter that the authors' rule, or else GPT-3.5, found in
each ("(Z)" for none). Prints two tables in Markdown: each scorer against the published letters, and the scorers against
each other.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from visualzero.evaluation.reading.scorers import SCORERS, read_response, readings
from visualzero.evaluation.summary.scorer_agreement import agreement


def main() -> None:
    """Read the responses and print the tables."""
    parser = argparse.ArgumentParser(description="How each scorer reads real responses to BLINK.")
    parser.add_argument("file", type=Path)
    lines = parser.parse_args().file.read_text(encoding="utf-8").split("\n")
    rows = [row for line in lines if line and "choices" in (row := json.loads(line))]
    start = time.process_time()
    read = [reading(row) for row in rows]
    seconds = time.process_time() - start
    print(f"{len(rows)} responses, all scorers in {seconds:.1f} s of CPU time\n")
    print_published(read)
    print_matrix(agreement(read))


def reading(row: dict[str, Any]) -> dict[str, Any]:
    """The right option, the published one and every scorer's."""
    right = index(row["answer"])
    assert right is not None
    read = readings(read_response(row["response"], row["choices"], think_prefix=False), right)
    return {"answer_index": right, "published": index(row["official_prediction"]), "readings": read}


def index(letter: str) -> int | None:
    """0 for "(A)", None for "(Z)"."""
    return None if letter[1] == "Z" else ord(letter[1]) - ord("A")


def print_published(read: list[dict[str, Any]]) -> None:
    """Agreement with the published letters, and what each scorer counts as right."""
    right = share(sum(row["published"] == row["answer_index"] for row in read), read)
    found = share(sum(row["published"] is not None for row in read), read)
    print("| scorer | reads as published | accuracy | read | right, published wrong | wrong, published right |")
    print("|---|---|---|---|---|---|")
    print(f"| *published* | | {right} | {found} | | |")
    for name in SCORERS:
        mine = [(row["readings"][name], row["published"], row["answer_index"]) for row in read]
        counts = (
            sum(one == other for one, other, _ in mine),
            sum(one == right for one, _, right in mine),
            sum(one is not None for one, _, _ in mine),
            sum(one == right != other for one, other, right in mine),
            sum(other == right != one for one, other, right in mine),
        )
        print(f"| `{name}` | {' | '.join(share(count, read) for count in counts)} |")


def print_matrix(found: dict[str, Any]) -> None:
    """For each two scorers the share of responses that both read alike."""
    names = list(found["same"])
    print(f"\n| | {' | '.join(f'`{name}`' for name in names)} |")
    print("|---" * (len(names) + 1) + "|")
    for name, shares in found["same"].items():
        print(f"| `{name}` | {' | '.join(f'{100 * shares[other]:.1f}' for other in names)} |")


def share(count: int, of: list[Any]) -> str:
    """In percent."""
    return f"{100 * count / len(of):.2f}"


if __name__ == "__main__":
    main()
