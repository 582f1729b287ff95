# The study, checked and typed, and the few functions that rules share. Parsing writes nothing and needs no network.
import os
import re
import shlex
import sys
from functools import cache
from pathlib import Path

# The code of this tree plans, whatever else is installed; workflow/scripts/logged lets it run the jobs.
if (Path(workflow.basedir) / "src").is_dir():
    sys.path.insert(0, str(Path(workflow.basedir) / "src"))

from visualzero.source_tree import check_tree, leave_out_user_packages, put_this_python_first

leave_out_user_packages(sys.path, os.environ)

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.settings.types import DeploymentMethod

from visualzero import jobs
from visualzero.cluster.outer_job import leave_job
from visualzero.config import CONTROLS, overrides_of, read_study
from visualzero.data.own_tables import own_tables
from visualzero.doctor.cluster import blockers
from visualzero.errors import UserError
from visualzero.layout import REPORT_FILES, UNTRAINED, Layout, kept_steps, seeds_of
from visualzero.reruns.lock import take_over
from visualzero.reruns.trust import check_results, keep_receipts
from visualzero.reruns.unlinking import unlink_from_cache
from visualzero.training.slurm_job import CHAINED

# What was given on Snakemake's command line. Jobs get it as --set, so that they see the same study. It is one of their
# resources and not of their params: an override reruns only jobs whose fingerprint it changes.
OVERRIDES = overrides_of(workflow.config_settings.overwrite_config)
STUDY = shlex.join(part for override in OVERRIDES for part in ("--set", override))

try:
    check_tree(Path(workflow.basedir))
    study = read_study(Path(workflow.basedir) / "config" / "config.yaml", OVERRIDES)
except UserError as error:
    raise WorkflowError(str(error)) from None

if workflow.remote_exec:
    os.environ[CHAINED] = "1"  # a job that Snakemake has submitted may let SLURM queue it again

layout = Layout(study.scale)
SUBMITS = "slurm_partition" in (workflow.resource_settings.default_resources or {})

if workflow.is_main_process and not workflow.output_settings.dryrun:
    for line in take_over(SUBMITS):
        logger.warning(f"visualzero: {line}")

if DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method:
    put_this_python_first(os.environ)

if SUBMITS and workflow.is_main_process:
    leave_job(os.environ)


def begin():
    """Before the first job of a run."""
    keep_receipts(study, layout)
    unlink_from_cache(layout.timings)


def check_cluster(resources, rules):
    """Tell in one line what keeps a profile's jobs from being submitted, before anything is made or submitted."""

    def given(name):
        """What is asked for by name; what an expression would give isn't known here."""
        found = {str(group[name].raw) for group in (resources, *rules.values()) if name in group}
        return {value for value in found if re.fullmatch(r"[\w.,-]+", value)}

    in_conda = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
    for finding in blockers(
        given("slurm_partition"), "".join(given("slurm_account")), in_conda, "slurm/profile.v9+.yaml"
    ):
        if finding.level == "fail":
            raise WorkflowError(f"{finding.what}: {finding.remedy}")


DEFAULT_RESOURCES = dict(workflow.resource_settings.default_resources or {})
if SUBMITS and not (workflow.remote_exec or workflow.output_settings.dryrun):
    check_cluster(DEFAULT_RESOURCES, workflow.resource_settings.overwrite_resources)

ARMS = list(study.arms)
INITS = sorted({study.origin(arm) for arm in ARMS})
BENCHMARKS = list(study.data.benchmarks)
SFT_ARMS = [name for name, arm in study.arms.items() if arm.recipe == "sft"]
GRPO_ARMS = [name for name, arm in study.arms.items() if arm.recipe == "grpo"]
EVALUATIONS = [(arm, seed, benchmark) for arm in ARMS for seed in seeds_of(study, arm) for benchmark in BENCHMARKS]

CONTROL_EVALUATIONS = [
    (arm, seed, benchmark, control)
    for control, arms in study.controls
    for arm, seed, benchmark in EVALUATIONS
    if arm in arms
]

SAMPLED = [(arm, seed, study.sampled_benchmark) for arm in study.sampled_arms() for seed in seeds_of(study, arm)]

INTERVENED = [
    (arm, seed, study.intervened_benchmark) for arm in study.intervened_arms() for seed in seeds_of(study, arm)
]

# Outputs by stage, all of them: a target asks for each one, so that one that was deleted is made again.
TABLES = [layout.questions(name) for name in ("train", *BENCHMARKS)]
DATA = [*TABLES, *(table.with_suffix(".json") for table in TABLES)]
MODELS = [layout.model(init).parent / part for init in INITS for part in ("model", "manifest.json")]
SFT_PARTS = ("model", "history.parquet", "manifest.json")
GRPO_PARTS = (*SFT_PARTS, "rollouts.parquet")
SFT = [layout.run(arm, seed) / part for arm in SFT_ARMS for seed in study.seeds for part in SFT_PARTS]
GRPO = [layout.run(arm, seed) / part for arm in GRPO_ARMS for seed in study.seeds for part in GRPO_PARTS]
ANSWERS = [
    rows.with_suffix(suffix)
    for of in (layout.predictions, layout.scores)
    for rows in (of(*evaluation) for evaluation in EVALUATIONS + CONTROL_EVALUATIONS)
    for suffix in (".jsonl", ".json")
]
SAMPLES = [
    rows.with_suffix(suffix)
    for of in (layout.samples, layout.sample_scores)
    for rows in (of(*run) for run in SAMPLED)
    for suffix in (".jsonl", ".json")
]
INTERVENTIONS = [
    rows.with_suffix(suffix)
    for of in (layout.interventions, layout.intervention_scores)
    for rows in (of(*run) for run in INTERVENED)
    for suffix in (".jsonl", ".json")
]
PAGE = [layout.report / name for name in REPORT_FILES]
# What `snakemake --report` shows, each with its caption.
SHOWN = {"index.html": "page", "arms.csv": "arms", "scorers.csv": "scorers", "curves.csv": "curves"}


wildcard_constraints:
    arm="|".join(map(re.escape, ARMS)),
    seed=rf"\d+|{UNTRAINED}",
    benchmark="|".join(map(re.escape, BENCHMARKS)),
    control=rf"(\.({'|'.join(CONTROLS)}))?",
    init="base|instruct",


def manifest_of(table):
    """The manifest beside a Question table."""
    return table.with_suffix(".json")


def one_of(names):
    """A wildcard's pattern that matches these names alone; none of them where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


@cache
def check():
    """Stop a plan if results were pulled, copied or altered, or have lost a file, since Snakemake would believe in them.

    Not so if everything is made again anyway, and not in the jobs of a cluster. Each rule has an input that asks for
    this: when files are read, Snakemake doesn't know yet what it is asked to do, and where it looks for what could make a
    file that is there, it goes on without a rule that has said no.
    """
    if not workflow.is_main_process or workflow.dag_settings.forceall:
        return
    try:
        check_results(study, layout)
    except UserError as error:
        raise WorkflowError(str(error)) from None


def checked(*paths):
    """Inputs without wildcards, single ones and lists of them, for which results are checked first."""
    every = [path for given in paths for path in (given if isinstance(given, list) else [given])]
    return lambda wildcards: check() or every


def questions_manifest(wildcards):
    """The manifest of the questions that are asked."""
    check()
    return manifest_of(layout.questions(wildcards.benchmark))


def source_table(wildcards):
    """The user's own tables that questions are made from, where there are some."""
    check()
    name = wildcards.name
    source = study.data.train if name == "train" else study.data.benchmarks[name].source
    try:
        return own_tables(source, name)
    except UserError as error:
        raise WorkflowError(str(error)) from None


def source_model(wildcards):
    """What shows that a checkpoint of the user's has changed: its manifest, or else its weights."""
    check()
    source = getattr(study.models, wildcards.init)
    if source.path is None:
        return []
    folder = Path(source.path)
    return sorted(folder.glob("manifest.json")) or sorted(folder.glob("*.safetensors"))


def weights_manifest(wildcards):
    """The manifest of the checkpoint that an arm is evaluated with."""
    return layout.weights(study, wildcards.arm, wildcards.seed).parent / "manifest.json"


def weights(wildcards):
    """The checkpoint that an arm is evaluated with: never a trigger itself, its manifest is."""
    return ancient(layout.weights(study, wildcards.arm, wildcards.seed))


def initial_manifest(wildcards):
    """The manifest of the checkpoint that an arm starts from: an initial model, or another arm's run."""
    check()
    return layout.initial(study, wildcards.arm, wildcards.seed).parent / "manifest.json"


def initial_weights(wildcards):
    """That checkpoint: never a trigger itself, its manifest is."""
    return ancient(layout.initial(study, wildcards.arm, wildcards.seed))


def trajectories(wildcards):
    """The table that an arm learns from in place of the bare answers, where it does."""
    return layout.trajectories(study, wildcards.arm, wildcards.seed) or []


def solved(wildcards):
    """The table by which an arm's training questions are picked, where they are."""
    difficulty = study.arm(wildcards.arm).difficulty
    return difficulty.path if difficulty else []


def training_threads(wildcards):
    """CPU threads of each process of a run."""
    return study.recipe(wildcards.arm).threads


def shard_of(item):
    """A part of an arm's responses, whatever the arm."""
    return layout.shard("{arm}", "{seed}", "{benchmark}{control}", None, item)


def control_of(wildcards):
    """Which control questions a job is about, if it is about any."""
    return wildcards.control.removeprefix(".") or None


def control_option(wildcards):
    """That, as an option of a command."""
    control = control_of(wildcards)
    return f"--control {control}" if control else ""


def predict_options(wildcards):
    """Which control questions, and which part of them."""
    shard = wildcards.get("scatteritem")
    return " ".join(filter(None, [control_option(wildcards), f"--shard {shard}" if shard else ""]))


def asked_causes(wildcards):
    """All samples and answers from altered thoughts, and what scorers read in them, or that none are asked for."""
    try:
        return (study.causes.interventions or study.sampling) and checked(SAMPLES, INTERVENTIONS)(wildcards)
    except UserError as error:
        raise WorkflowError(str(error)) from None


def sample_shard_of(item):
    """A part of an arm's samples, whatever the arm."""
    return layout.sample_shard("{arm}", "{seed}", study.sampled_benchmark, item)


def shard_option(wildcards):
    """Which part of them, as an option of a command."""
    shard = wildcards.get("scatteritem")
    return f"--shard {shard}" if shard else ""


def samples_fingerprint(wildcards):
    return jobs.sample_fingerprint(study, wildcards.arm)


def sampled_questions_manifest(wildcards):
    """The manifest of the questions that are answered with samples."""
    check()
    return manifest_of(layout.questions(study.sampled_benchmark))


def own_responses(wildcards):
    """The responses whose thoughts are altered, and their manifest."""
    check()
    rows = layout.predictions(wildcards.arm, wildcards.seed, study.intervened_benchmark)
    return [rows, manifest_of(rows)]


def intervention_shard_of(item):
    """A part of an arm's answers from altered thoughts, whatever the arm."""
    return layout.intervention_shard("{arm}", "{seed}", study.intervened_benchmark, item)


def interventions_fingerprint(wildcards):
    return jobs.intervention_fingerprint(study, wildcards.arm)


def intervened_questions_manifest(wildcards):
    """The manifest of the questions to whose responses thoughts are altered."""
    check()
    return manifest_of(layout.questions(study.intervened_benchmark))


def responses_fingerprint(wildcards):
    return jobs.predict_fingerprint(study, wildcards.arm, wildcards.benchmark, control_of(wildcards))


def shown(path):
    """An output of the page's rule, marked for Snakemake's report if it belongs there."""
    caption = SHOWN.get(path.name)
    return report(path, caption=f"../report/{caption}.rst", category="Results") if caption else path
