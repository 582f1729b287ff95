"""What works with which family of models, on tiny random models of each, as a table.

    python benchmarks/families.py [--families smolvlm gemma3]

Runs tests/test_family_runs.py, tests/test_families.py, tests/test_answer_sharing.py and a part of
tests/test_scale_out.py, some minutes on two cores, and prints what each came to. The last columns are the largest
difference from stock TRL in log-probabilities, loss and gradients of GRPO, relative to their size.
"""

import argparse
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = (
    *("tests/test_family_runs.py", "tests/test_families.py", "tests/test_answer_sharing.py"),
    "tests/test_scale_out.py",
)
COLUMNS = {  # by the tests that say it
    "SFT": ["sft_trains_all_of_it_and_anyone_reads_the_result"],
    "SFT shared": ["a_batch_is_learnt_as_stock_trl_learns_it"],
    "GRPO shared": ["grpo_shared_trains_as_stock_trl_does", "the_same_seed_draws_the_same_completions_as_generate"],
    "GRPO stock": ["grpo_shared_trains_as_stock_trl_does"],
    "evaluation": [
        "a_batch_is_answered_as_generate_answers_it",
        "samples_are_drawn_as_generate_draws_them",
        "entropies_of_a_thought_are_those_of_the_models_own_pass",
    ],
    "resume": ["a_run_that_was_stopped_goes_on_to_the_same_weights"],
    "LoRA": ["adapters_are_trained_and_merged"],
    "two processes": ["two_processes_train_a_family_as_one_does"],
    "frozen": ["a_frozen_tower_stays_as_it_is"],
    "mistakes seen": ["mistakes_are_seen"],
}
MEASURED = {
    "float32": "loss_and_gradients_are_those_of_stock_trl",
    "float64": "in_double_precision_the_difference_vanishes",
}
NAME = re.compile(r"::test_(\w+)\[(.*)\]")


class Outcomes:
    """A plugin of pytest that keeps whether tests passed, and what they measured, by family and test."""

    def __init__(self, families: list[str]):
        self.families = families
        self.passed: dict[tuple[str, str], list[bool]] = defaultdict(list)
        self.distances: dict[tuple[str, str], list[float]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test came to."""
        found = NAME.search(report.nodeid)
        if not found or (report.when != "call" and report.passed):
            return
        key = next((one for one in self.families if re.search(rf"\b{one}\b", found[2])), ""), found[1]
        self.passed[key].append(report.passed)
        self.distances[key] += [float(value) for name, value in report.user_properties if name == "distance"]

    def row(self, family: str) -> list[str]:
        """A family's line."""
        cells = [family]
        for tests in COLUMNS.values():
            outcomes = [passed for test in tests for passed in self.passed.get((family, test), [])]
            cells.append("-" if not outcomes else "yes" if all(outcomes) else "FAILED")
        for test in MEASURED.values():
            cells.append(f"{max(self.distances.get((family, test), []), default=float('nan')):.1e}")
        return cells


def main() -> int:
    """Run the tests of the families asked for and print their table; 0 if all passed."""
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
    from tiny_families import FAMILIES

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=FAMILIES)
    families = parser.parse_args().families
    outcomes = Outcomes(families)
    # A family's name may begin another's: its end in a test's name is a hyphen or a bracket.
    chosen = " or ".join(f"{family}{end}" for family in families for end in ("-", "]"))
    files = [str(ROOT / file) for file in FILES]
    status = pytest.main([*files, "-q", "-p", "no:cacheprovider", "-k", chosen], plugins=[outcomes])
    header = ["family", *COLUMNS, *MEASURED]
    for cells in (header, ["---"] * len(header), *map(outcomes.row, families)):
        print(f"| {' | '.join(cells)} |")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
