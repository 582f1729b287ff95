"""All checks, in the order in which one would put things right."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx

from visualzero.config import Mixture, Study
from visualzero.doctor.clients import ask
from visualzero.doctor.cluster import blockers
from visualzero.doctor.finding import Finding, fail, note, ok
from visualzero.doctor.profile import Profile
from visualzero.layout import Layout
from visualzero.planning.disk import disk_use
from visualzero.planning.workload import REASONING_SHARE, evaluations, trainings
from visualzero.reruns.lock import in_the_way, locked

MIN_JOB_AGE = 120  # seconds for which SLURM has to remember a finished job, for squeue to be asked
# File systems of one machine; what nodes share is of another kind (nfs, lustre, gpfs, beegfs, ceph, ...).
LOCAL = {"ext2/ext3", "ext4", "xfs", "btrfs", "tmpfs", "overlayfs", "zfs"}


def examine(study: Study, layout: Layout, profile: Profile | None) -> Iterator[Finding]:
    """Check everything; without a profile only what concerns this machine."""
    if profile:
        found = list(blockers(profile.partitions, profile.account, profile.conda, str(profile.file)))
        yield from found
        if any(finding.what == "SLURM answers" for finding in found):
            yield from _status(profile)
            yield from _gpus(profile)
            yield from _time_limit(profile)
            yield _shared()
    yield from _lock()
    yield from _user_packages()
    yield _disk(study, layout)
    yield from _hub(study)


def _lock() -> Iterator[Finding]:
    """Is there the lock of a run that was killed, or of one that is at work?"""
    if not locked():
        return
    found = [fail(what, remedy) for what, remedy in in_the_way()]
    yield from found or [note("this folder is locked by a run that is gone", "the next run releases it by itself")]


def _user_packages() -> Iterator[Finding]:
    """Are there packages that would stand in for those of the environment, in commands that are typed?"""
    if os.environ.get("PYTHONPATH"):
        yield note(
            f"PYTHONPATH is {os.environ['PYTHONPATH']}: jobs don't see it, but commands that you type do",
            "unset it, or `module unload` what has set it",
        )


def _status(profile: Profile) -> Iterator[Finding]:
    """Can jobs be asked after as the profile says?"""
    settings = dict(re.findall(r"^(\w+)\s*= (.*)$", ask("scontrol", "show", "config").text, re.MULTILINE))
    way = profile.content.get("slurm-status-command", "sacct")
    if way == "squeue":
        found = re.match(r"\d+", settings.get("MinJobAge", ""))
        age = int(found[0]) if found else 0
        if age < MIN_JOB_AGE:
            yield fail(f"status: squeue: SLURM forgets jobs after {age} s", f"set status: sacct in {profile.file}")
        else:
            yield ok(f"status: squeue, which remembers jobs for {age} s")
    elif settings.get("AccountingStorageType", "").endswith("/none"):
        yield fail(
            "status: sacct: this cluster keeps no accounts, so Snakemake would wait for ever",
            f"set status: squeue in {profile.file}",
        )
    else:
        yield ok("status: sacct")


def _gpus(profile: Profile) -> Iterator[Finding]:
    """Are there the GPUs that rules ask for, on one node each?"""
    asked: dict[tuple[str, str], int] = {}
    for rule in profile.content.get("set-resources", {}).values():
        count = rule.get("gpu", 0)
        model = str(rule.get("gpu_model", ""))
        if gres := str(rule.get("gres", "")):
            _, *middle, number = gres.split(":")
            count, model = int(number), "".join(middle)
        if count:
            key = (str(rule.get("slurm_partition", "")), model)
            asked[key] = max(asked.get(key, 0), int(count))
    for (partition, model), count in asked.items():
        there = re.findall(r"gpu:(?:([\w.-]+):)?(\d+)", ask("sinfo", "--noheader", "-p", partition, "-o", "%G").text)
        what = f"{count} GPUs{f' of model {model}' if model else ''} on a node of {partition}"
        if any(int(number) >= count and (not model or model == name) for name, number in there):
            yield ok(what)
        else:
            has = ", ".join(sorted({f"{number} x {name or 'gpu'}" for name, number in there})) or "none"
            yield fail(f"{what}: it has {has}", f"correct gpu_model, gpu_partition or train_gpus in {profile.file}")


def _time_limit(profile: Profile) -> Iterator[Finding]:
    """Do partitions allow jobs as long as rules ask for?"""
    for rule, resources in profile.content.get("set-resources", {}).items():
        minutes, partition = resources.get("runtime"), resources.get("slurm_partition")
        if not isinstance(minutes, int) or not partition:
            continue
        limit = _minutes("".join(ask("sinfo", "--noheader", "-p", str(partition), "-o", "%l").lines[:1]))
        if limit is not None and minutes > limit:
            yield fail(
                f"{rule}: {minutes} minutes, but {partition} allows {limit}",
                f"set train_minutes: {limit} in {profile.file}; a longer training goes on in the next job",
            )


def _minutes(time: str) -> int | None:
    """Minutes of a time limit as sinfo writes it; None where there is none."""
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", time)
    if not found:
        return None
    days, hours, minutes, _ = (int(part or 0) for part in found.groups())
    return (days * 24 + hours) * 60 + minutes


def _shared() -> Finding:
    """Do nodes see this folder? Only a job could tell; the kind of file system is a hint."""
    kind = ask("stat", "--file-system", "--format", "%T", ".").text.strip()
    if kind in LOCAL:
        return note(
            f"this folder is on {kind}, which nodes rarely share",
            "try `srun ls $PWD`; if it fails, clone into a folder that nodes see, such as $HOME or scratch",
        )
    return ok(f"this folder is on {kind}")


def _disk(study: Study, layout: Layout) -> Finding:
    """Is there room for what all runs write at once, and for what is kept?"""
    tokens = round(REASONING_SHARE * study.grpo.max_completion)
    runs = trainings(study, layout, tokens)
    use = disk_use(study, layout, runs, evaluations(study, layout, tokens))
    at_once = sum(len(run.seeds) for run in runs)
    needed = use.kept + at_once * use.while_training
    free = shutil.disk_usage(".").free
    what = f"disk: {free / 1e9:.0f} GB free, {needed / 1e9:.1f} GB needed ({at_once} trainings at once)"
    if free < needed:
        return fail(what, "free some, clone onto a larger disk, or run fewer at a time (jobs: in the profile)")
    return ok(what)


def _hub(study: Study) -> Iterator[Finding]:
    """Can models and data be fetched, where the scale needs any?"""
    sources: list[object] = [study.data.train, *(benchmark.source for benchmark in study.data.benchmarks.values())]
    sources += [part.source for one in sources if isinstance(one, Mixture) for part in one.parts.values()]
    if not (study.models.base.repo or study.models.instruct.repo or any(getattr(one, "repo", None) for one in sources)):
        yield ok(f"scale {study.scale} downloads nothing")
        return
    cache = os.environ.get("HF_HOME", "~/.cache/huggingface")
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        yield note(
            "HF_HUB_OFFLINE is set: only what is in the hub's cache can be used",
            f"run `snakemake data models` once where there is a network, with HF_HOME={cache}",
        )
        return
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    token = os.environ.get("HF_TOKEN") or (Path(cache).expanduser() / "token").is_file()
    try:
        answer = httpx.head(endpoint, timeout=4, follow_redirects=True)
        reached = answer.status_code < 500
    except httpx.HTTPError:
        reached = False
    if not reached:
        yield fail(
            f"{endpoint}: not reached from here",
            "set HTTPS_PROXY, or HF_ENDPOINT to a mirror, or run `snakemake data models` on a node with a network and"
            " set HF_HUB_OFFLINE=1 here",
        )
        return
    yield ok(f"{endpoint} answers; {'a token is there' if token else 'no token, and none is needed for public files'}")
