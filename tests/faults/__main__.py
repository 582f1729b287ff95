"""`python -m faults`: run the campaign and print its table; exit code 1 if anything was lost or wrong."""

import argparse
import importlib
import itertools
import json
import os
import sys
import tempfile
import time
from pathlib import Path

WORKERS = 2
IMPORTED = (
    *("snakemake.cli", "visualzero.cli", "visualzero.stages", "visualzero.training.sft", "visualzero.training.grpo"),
    *("visualzero.evaluation.summary.summarize", "visualzero.report.build"),
)


def main() -> None:
    """Parse, run, print."""
    options = _options()
    _import_what_stages_import()
    from faults.campaign import RIGHT, Result, table
    from faults.study import make_study

    with tempfile.TemporaryDirectory(prefix="faults.") as name:
        folder = Path(name)
        begun = time.monotonic()
        truth = make_study(folder / "truth")
        print(f"the undisturbed study: {time.monotonic() - begun:.0f} s", flush=True)
        workers = [_fork(worker, truth, folder, options) for worker in range(options.workers)]
        failed = [os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) for worker in workers]
        results = [
            Result(**json.loads(line))
            for worker in range(options.workers)
            for line in (folder / f"results.{worker}.jsonl").read_text(encoding="utf-8").splitlines()
        ]
    print(table(results))
    defects = [result for result in results if result.outcome not in RIGHT]
    for defect in defects:
        print(f"\n{defect.outcome}: {defect.stage}: {defect.what}\n{defect.said}")
    seconds = time.monotonic() - begun
    print(f"\n{len(results)} faults in {seconds:.0f} s, seed {options.seed}: {len(defects)} lost, wrong or left behind")
    expected = options.only.count(",") + 1 if options.only else options.faults
    sys.exit(bool(defects) or any(failed) or len(results) < expected)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults FAULTS='...'", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=220, help="how many (default: %(default)s)")
    parser.add_argument("--only", metavar="N,N", help="these alone, counted from 0")
    parser.add_argument("--workers", type=int, default=WORKERS, help="processes side by side (default: %(default)s)")
    return parser.parse_args()


def _fork(worker: int, truth: "object", folder: Path, options: argparse.Namespace) -> int:
    """Try every n-th fault in a process of its own, which writes its results as they come; its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    from faults.campaign import as_json, try_fault
    from faults.cases import cases
    from faults.study import Study

    assert isinstance(truth, Study)
    right = truth.digests()
    wanted = [int(number) for number in options.only.split(",")] if options.only else range(options.faults)
    mine = wanted[worker :: options.workers]
    faults = dict(enumerate(itertools.islice(cases(options.seed), max(wanted) + 1)))
    with (folder / f"results.{worker}.jsonl").open("w", encoding="utf-8") as file:
        for number in mine:
            fault = faults[number]
            begun = time.monotonic()
            result = try_fault(fault, truth, right, folder / f"study.{worker}.{number}")
            file.write(json.dumps(as_json(result)) + "\n")
            file.flush()
            seconds = time.monotonic() - begun
            print(f"{number}: {result.stage}: {result.what}: {result.outcome} ({seconds:.1f} s)", flush=True)
    os._exit(0)


def _import_what_stages_import() -> None:
    """Import it once; the processes of the campaign are forked from this one, on one thread."""
    programs = Path(sys.executable).parent
    os.environ.update(TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    for module in IMPORTED:
        importlib.import_module(module)


if __name__ == "__main__":
    main()
