"""How long it takes from an edited reward to a new report, and which jobs that was.

    snakemake all && python benchmarks/reward.py              the reward term `format`, by Snakemake
    dvc repro && python benchmarks/reward.py --door dvc       by DVC, which also records it

The results have to be up to date. The term's file gets a line more, and is put back at the end; results stay those of
the edited term, so that the next `snakemake all` runs the same jobs once more.
"""

import argparse
import csv
import re
import subprocess
import sys
import time
from pathlib import Path

LINE = "\nEDITED = True\n"


def run(*command: str) -> str:
    """The output of a command."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(done.stdout)
    return done.stdout


def job_seconds(timings: Path, since: float) -> dict[str, float]:
    """Seconds of every job with a benchmark file that was written since."""
    found = {}
    for path in sorted(timings.rglob("*.tsv")):
        if path.stat().st_mtime >= since:
            with path.open(encoding="utf-8", newline="") as lines:
                found[str(path.relative_to(timings).with_suffix(""))] = sum(
                    float(row["s"]) for row in csv.DictReader(lines, delimiter="\t")
                )
    return found


def main() -> None:
    """Edit, run, print, put back."""
    parser = argparse.ArgumentParser(description="Time an edited reward, from the edit to the report.")
    parser.add_argument("--term", default="format", help="reward term to edit (default: %(default)s)")
    parser.add_argument("--door", choices=("snakemake", "dvc"), default="snakemake")
    parser.add_argument("--scale", default="demo")
    options = parser.parse_args()
    if "Nothing to be done" not in run("snakemake", "-n", "all", "--config", f"scale={options.scale}"):
        sys.exit("error: results are not up to date: run `snakemake all` first")
    file = Path("src/visualzero/rewards") / f"{options.term}.py"
    before = file.read_text(encoding="utf-8")
    try:
        file.write_text(before + LINE, encoding="utf-8")
        print(run("visualzero", "--set", f"scale={options.scale}", "why"))
        doors = {"snakemake": ["snakemake", "all", "--config", f"scale={options.scale}"], "dvc": ["dvc", "repro"]}
        began, since = time.monotonic(), time.time()
        said = run(*doors[options.door])
        seconds = time.monotonic() - began
    finally:
        file.write_text(before, encoding="utf-8")
    jobs = job_seconds(Path("results") / options.scale / "timings", since)
    print(
        f"from edit to report: {seconds:.0f} s, {len(re.findall(r'^Job [0-9]+: ', said, re.MULTILINE))} jobs;"
        f" those that are timed took {sum(jobs.values()):.0f} s, one after the other:"
    )
    for name, spent in jobs.items():
        print(f"  {name}: {spent:.1f} s")


if __name__ == "__main__":
    main()
