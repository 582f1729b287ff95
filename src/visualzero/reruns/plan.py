"""What Snakemake would run now, and its reasons: a dry run whose result is data and not text."""

import io
from collections.abc import Iterable
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRIGGERS = ("mtime", "code", "input", "params")  # those of profiles/default, which a test compares
CHECKSUM_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Planned:
    """A job that would run. `reasons` are its own, by kind; none if it only follows from other jobs."""

    rule: str
    wildcards: dict[str, str]
    output: tuple[str, ...]
    reasons: dict[str, list[str]]
    follows: list["Planned"] = field(default_factory=list, repr=False)  # jobs that run because of it, at any distance
    after_others: bool = False  # whether a job before it would run too


def plan(overrides: Iterable[str] = (), target: str = "all") -> list[Planned]:
    """The jobs that `snakemake -n TARGET` would list, but for targets themselves.

    `overrides` are KEY=YAML, as for `--config`. Snakemake's public API stops short of the jobs of a plan, so this takes
    private names of the version that pyproject.toml pins.

    Raises:
        WorkflowError: what Snakemake itself says of a wrong study.
    """
    from snakemake.api import SnakemakeApi
    from snakemake.cli import parse_config
    from snakemake.settings.enums import RerunTrigger
    from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

    settings = DAGSettings(
        targets={target},
        rerun_triggers={RerunTrigger.parse_choice(name) for name in TRIGGERS},
        max_checksum_file_size=CHECKSUM_BYTES,
        force_incomplete=True,
    )
    quiet = OutputSettings(quiet={Quietness.ALL}, dryrun=True)
    with redirect_stderr(io.StringIO()), SnakemakeApi(quiet) as api:  # it says that it builds, even so
        planned = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config=parse_config(list(overrides))),
            snakefile=Path("Snakefile"),
        )
        planned.dag(settings)
        workflow = planned._workflow
        workflow._prepare_dag(forceall=False, ignore_incomplete=False, lock_warn_only=True)
        workflow._build_dag()
        return _jobs(workflow.dag)


def _jobs(dag: Any) -> list[Planned]:
    running = [job for level in dag.toposorted() for job in level if job.output and dag.needrun(job)]
    made = {job: Planned(job.rule.name, dict(job.wildcards_dict), *_what(dag, job)) for job in running}
    after: set[Any] = set()
    for job in running:
        following = [other for other in dag.bfs(dag.depending, job) if other in made and other is not job]
        made[job].follows.extend(made[other] for other in following)
        after.update(following)
    return [
        Planned(one.rule, one.wildcards, one.output, one.reasons, one.follows, job in after)
        for job, one in made.items()
    ]


def _what(dag: Any, job: Any) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    reason = dag.reason(job)
    own = {
        "missing": sorted(map(str, reason.missing_output)),
        "cut off": sorted(map(str, reason.incomplete_output)),
        "input": sorted(map(str, set(reason.updated_input) - set(reason.updated_input_run))),
        "params": sorted(map(str, reason.params_changed.only_old)) if reason.params_changed else [],
        "inputs": ["other inputs"] if reason.input_changed else [],
        "command": ["command"] if reason.code_changed else [],
    }
    return tuple(map(str, job.output)), {kind: found for kind, found in own.items() if found}
