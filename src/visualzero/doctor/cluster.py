"""What has to be there before anything is submitted: SLURM, the partitions, the account, conda. Under ten seconds."""

import getpass
import re
import shutil
from collections.abc import Iterator

from visualzero.doctor.clients import ask
from visualzero.doctor.finding import Finding, fail, note, ok
from visualzero.doctor.profile import UNEDITED

CONDA = (24, 7, 1)  # Snakemake 9 asks for it


def blockers(partitions: set[str], account: str, conda: bool, where: str) -> Iterator[Finding]:
    """Check what a profile asks for; `where` names it in remedies. Stops at what makes the rest pointless."""
    unedited = [name for name, value in (("account", account), ("partition", partitions)) if UNEDITED in value]
    if unedited:
        yield fail(f"{where}: {' and '.join(unedited)} not set", "edit the block at its top; `sinfo` lists partitions")
        return
    if conda:
        yield conda_there()
    if shutil.which("sbatch") is None:
        yield fail(
            "SLURM: no sbatch on PATH",
            "log in to the cluster, or load its module; without a cluster run without --profile slurm",
        )
        return
    answer = ask("sinfo", "--noheader", "--format", "%R|%a")
    if answer.problem:
        yield fail(f"SLURM does not answer ({answer.problem})", "ask the cluster's people whether it is down")
        return
    yield ok("SLURM answers")
    yield from _partitions(partitions, dict(line.split("|", 1) for line in answer.lines), where)
    yield from _account(account, where)


def _partitions(wanted: set[str], there: dict[str, str], where: str) -> Iterator[Finding]:
    for name in sorted(name for given in wanted for name in given.split(",")):
        if name not in there:
            yield fail(f"partition '{name}': not on this cluster", f"choose of {', '.join(sorted(there))} in {where}")
        elif there[name] != "up":
            yield fail(f"partition '{name}' is {there[name]}", f"wait, or choose another in {where}")
        else:
            yield ok(f"partition {name}")


def _account(account: str, where: str) -> Iterator[Finding]:
    user = getpass.getuser()
    answer = ask("sacctmgr", "--noheader", "--parsable2", "list", "associations", f"user={user}", "format=account")
    theirs = sorted(set(answer.lines))
    if not account:
        if theirs:
            yield note("no account given", f"you may use {', '.join(theirs)}; jobs go to your default one")
        return
    if answer.problem:
        yield fail(
            f"account '{account}': can't be looked up ({answer.problem}), and Snakemake submits nothing then",
            f'give account: "" in {where} if this cluster has no accounts',
        )
    elif account.lower() not in (name.lower() for name in theirs):
        others = f"choose of {', '.join(theirs)}" if theirs else "ask the cluster's people for one"
        yield fail(f"account '{account}': not one of yours", f"{others}, in {where}")
    else:
        yield ok(f"account {account}")


def conda_there() -> Finding:
    """Whether there is a conda that Snakemake can use."""
    answer = ask("conda", "--version", seconds=8)
    if answer.problem:
        return fail(
            f"conda ({answer.problem})",
            "install Miniforge (https://conda-forge.org/download) or load its module; jobs need it on PATH too",
        )
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", answer.text)
    if found and tuple(int(part or 0) for part in found.groups()) < CONDA:
        return fail(f"conda {found[0]} is too old", "run `conda update -n base conda`: Snakemake needs 24.7.1")
    return ok(f"conda {found[0] if found else ''}".strip())
