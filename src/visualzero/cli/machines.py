"""Commands about the machines that a study runs on: its cost, their state, and a cluster to try it on."""

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

from visualzero.cli.commands import Commands, Options, print_text, study_of, takes_json

TITLE = "machines: cost, state, and a cluster to try"


def add(commands: Commands) -> None:
    """Declare them."""
    plan = commands.add(
        "plan",
        _plan,
        "what the study costs before it is run: tokens, FLOPs, GPU memory and hours, disk",
        "plan",
        "plan --scale paper --gpu H100-80GB",
        "plan --scale paper --gpu A100-40GB --gpus 4 --json",
    )
    plan.add_argument("--gpu", metavar="NAME", help="a GPU such as H100-80GB (default: the paper's; in float32 a CPU)")
    plan.add_argument("--gpus", type=int, default=1, metavar="N", help="GPUs of a training run (default: %(default)s)")
    plan.add_argument("--reasoning", type=int, metavar="TOKENS", help="assumed mean length of completions that reason")
    takes_json(plan)

    doctor = commands.add(
        "doctor",
        _doctor,
        "check this machine, or this login node and its cluster, before anything is run",
        "doctor",
        "doctor --scale paper --profile slurm",
    )
    doctor.add_argument(
        "--profile", type=Path, metavar="FOLDER", help="the profile (default: slurm, where there is sbatch)"
    )

    cluster = commands.add(
        "cluster",
        None,
        "a private SLURM on this machine, to try --profile slurm on",
        "cluster up --nodes 2 --gpus 2",
        "cluster down",
    )
    actions = Commands(cluster.add_subparsers(title="actions", required=True, metavar="ACTION"), depth=2)
    start = actions.add(
        "up", _cluster_up, "start it: slurmctld, slurmd and munged in a folder of their own", "cluster up --nodes 2"
    )
    start.add_argument("--nodes", type=int, default=2, help="nodes n1, n2, ... (default: %(default)s)")
    start.add_argument("--gpus", type=int, default=2, help="fake GPUs of each node (default: %(default)s)")
    start.add_argument(
        "--cpus", type=int, default=os.cpu_count() or 1, help="CPUs of each node (default: this machine's)"
    )
    start.add_argument("--accounting", action="store_true", help="with slurmdbd and MariaDB, for sacct and accounts")
    stop = actions.add("down", _cluster_down, "cancel its jobs and stop it", "cluster down")
    for action in (start, stop):
        action.add_argument("--folder", type=Path, default=Path("work/cluster"), help="default: %(default)s")


def _plan(options: Options) -> None:
    from visualzero.planning.plan import plan_study
    from visualzero.planning.table import WIDTH, text_of

    plan = plan_study(*study_of(options), options.gpu, options.gpus, options.reasoning)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
    print(json.dumps(plan.as_dict(), indent=2) if options.json else text_of(plan, width))


def _doctor(options: Options) -> None:
    from visualzero.doctor.checks import examine
    from visualzero.doctor.finding import text_of
    from visualzero.doctor.profile import read_profile

    folder = options.profile or (Path("slurm") if shutil.which("sbatch") else None)
    failed = False
    for finding in examine(*study_of(options), read_profile(folder) if folder else None):
        print_text(text_of([finding]))
        failed |= finding.level == "fail"
    if failed:
        sys.exit(1)


def _cluster_up(options: Options) -> None:
    from visualzero.cluster import Cluster, up

    folder = options.folder.absolute()
    up(Cluster(folder, options.nodes, options.gpus, options.cpus, accounting=options.accounting))
    print(f"export PATH={shlex.quote(str(folder / 'bin'))}:$PATH")


def _cluster_down(options: Options) -> None:
    from visualzero.cluster import down

    down(options.folder.absolute())
