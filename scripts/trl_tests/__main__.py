"""Put group sharing's trainers to TRL's own tests of its trainers, and print what came of them as a table.

    git clone https://github.com/huggingface/trl
    .venv/bin/python scripts/trl_tests trl                      # its newest commit; --commit takes another
    .venv/bin/python scripts/trl_tests trl --trainers rloo
    .venv/bin/python scripts/trl_tests trl --folder F --resume  # where an interrupted run in F was left

The tests are taken from the clone and run with the TRL that is installed: first with its trainers, then with
groupshare's in their place. Nothing is downloaded: the models and data sets that the tests ask the hub for are tiny
ones of the same kinds, made here, and lie in the folder from which the tests run under the hub's names. Tests that
need a GPU, vLLM or Liger are skipped where those are missing, as TRL has it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
SRC = HERE.parents[1] / "src"
MADE = "stand-ins.done"
ENDED = (0, 1, 5)  # what pytest returns if all passed, some failed, or none was left to run
PACKAGES = ("trl", "transformers", "torch", "accelerate", "peft", "datasets")


def main() -> None:
    """Make the stand-ins, run the tests twice, print the table."""
    parser = argparse.ArgumentParser(description="TRL's own tests of its trainers, with group sharing's.")
    parser.add_argument("clone", type=Path, help="a git repository of TRL")
    parser.add_argument("--commit", default="HEAD", help="whose tests are run")
    parser.add_argument("--trainers", nargs="+", choices=("grpo", "rloo"), default=("grpo", "rloo"))
    parser.add_argument("--select", metavar="EXPRESSION", default="", help="only these tests, as pytest's -k")
    parser.add_argument("--folder", type=Path, help="keep all that is made and said in this folder")
    parser.add_argument("--resume", action="store_true", help="run only tests of which FOLDER has no outcome yet")
    options = parser.parse_args()
    if options.resume and not options.folder:
        parser.error("--resume needs the --folder of the run that it goes on with")
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        commit = take_tests(options.clone, options.commit, folder)
        if not (options.resume and (folder / MADE).exists()):
            make_stand_ins(folder)
        versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        print(f"TRL's tests of commit {commit}, with {versions}.")
        for trainer in options.trainers:
            stock, ours = (run(folder, trainer, sharing, options.select, options.resume) for sharing in (False, True))
            print_table(trainer, stock, ours)


def take_tests(clone: Path, commit: str, folder: Path) -> str:
    """Unpack the clone's tests into `folder`; the commit's short name and day."""
    archive = subprocess.run(["git", "-C", clone, "archive", commit, "tests"], check=True, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", folder], check=True, input=archive.stdout)
    named = ["git", "-C", clone, "log", "-1", "--format=%h (%cs)", commit]
    return subprocess.run(named, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def make_stand_ins(folder: Path) -> None:
    """Models and data sets, in a process of its own, so that this one stays small."""
    print("making models and data sets", file=sys.stderr)
    log = folder / "stand-ins.log"
    with log.open("w") as said:
        command = [sys.executable, HERE / "stand_ins.py", folder]
        done = subprocess.run(command, env=environment(folder), stdout=said, stderr=said)
    if done.returncode:
        sys.exit(f"error: no models and data sets were made: see {log} (--folder keeps it)")
    (folder / MADE).touch()


def run(folder: Path, trainer: str, sharing: bool, select: str, resume: bool) -> Path:
    """Run the tests of a trainer, without those that have an outcome if `resume`; the file of all outcomes."""
    name = f"{trainer}-{'sharing' if sharing else 'stock'}"
    outcomes = folder / f"{name}.jsonl"
    if not resume:
        outcomes.unlink(missing_ok=True)
    print(f"running the tests: {name}", file=sys.stderr)
    options = ["-c", os.devnull, "--rootdir", folder, "-p", "plugin", "-p", "no:cacheprovider", "-m", "not slow"]
    command = [sys.executable, "-m", "pytest", *options, "-q", "--tb=short", "-k", select]
    variables = environment(folder) | {"OUTCOMES": str(outcomes)} | ({"SHARING": "1"} if sharing else {})
    with (folder / f"{name}.log").open("a" if resume else "w") as log:
        tests = f"tests/test_{trainer}_trainer.py"
        done = subprocess.run([*command, tests], cwd=folder, env=variables, stdout=log, stderr=log)
    if done.returncode not in ENDED or not outcomes.exists():
        sys.exit(f"error: the tests didn't come to their end: see {folder / name}.log (--folder keeps it)")
    return outcomes


def environment(folder: Path) -> dict[str, str]:
    """Offline, with groupshare and the plugin on the path, and a cache of its own.

    glibc keeps what is freed: a loss over a large vocabulary would else spend most of its time on getting memory anew.
    """
    return os.environ | {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(10**11),
        "HF_HOME": str(folder / "cache"),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONPATH": os.pathsep.join([str(SRC), str(HERE)]),
    }


def print_table(trainer: str, stock: Path, ours: Path) -> None:
    """One heading and its tables."""
    from outcomes import read, table

    print(f"\n**{trainer.upper()}**\n")
    print("\n".join(table(read(stock), read(ours))))


if __name__ == "__main__":
    main()
