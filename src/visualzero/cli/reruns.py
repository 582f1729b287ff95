"""Commands around a change: try a reward, see what would rerun, and agree with DVC."""

from pathlib import Path

from visualzero.cli.commands import Commands, Options, given_overrides, print_text, show, study_of, takes_json
from visualzero.errors import UserError

TITLE = "changes: what they would do, and what has become of results"
SHOWN = 5  # manifests that are named


def add(commands: Commands) -> None:
    """Declare them."""
    rewards = commands.add(
        "rewards",
        _rewards,
        "list the reward terms, or try one on recorded completions",
        "rewards",
        "rewards try format results/demo/runs/base-grpo/1/rollouts.parquet",
    )
    trials = Commands(rewards.add_subparsers(metavar="[try TERM FILE]"), depth=2)
    trial = trials.add(
        "try",
        _try_reward,
        "what a term would have paid",
        "rewards try format results/demo/runs/base-grpo/1/rollouts.parquet",
    )
    trial.add_argument("term", metavar="TERM")
    trial.add_argument("file", type=Path, metavar="FILE", help="a run's rollouts.parquet, or JSONL with completions")
    takes_json(trial)

    why = commands.add(
        "why", _why, "what would run now, and for which change", "why", "why report --set grpo.steps=100"
    )
    why.add_argument("target", nargs="?", default="all", help="a target of the Snakefile (default: %(default)s)")
    takes_json(why)
    commands.add(
        "hydrate", _hydrate, "after dvc pull or checkout: verify the results and let Snakemake believe them", "hydrate"
    )
    verify = commands.add(
        "verify",
        _verify,
        "whether results are what their manifests say, weights included",
        "verify",
        "verify results/demo/runs/base-grpo --json",
    )
    verify.add_argument("path", nargs="?", type=Path, help="a folder (default: results/<scale>)")
    takes_json(verify)
    commands.add(
        "fingerprints",
        _fingerprints,
        "write what each stage is made from, for DVC: dvc.yaml's first stage",
        "fingerprints",
    )


def _rewards(options: Options) -> None:
    from visualzero.trial import terms_text

    print_text(terms_text(study_of(options)[0]))


def _try_reward(options: Options) -> None:
    from visualzero.trial import trial_text, try_term

    show(options, try_term(*study_of(options), options.term, options.file), trial_text)


def _why(options: Options) -> None:
    from snakemake.exceptions import WorkflowError

    from visualzero.reruns.plan import plan
    from visualzero.reruns.why import why, why_text

    study, layout = study_of(options)
    try:
        planned = plan(given_overrides(options), options.target)
    except WorkflowError as error:
        raise UserError(str(error).strip()) from None
    show(options, why(study, layout, planned), why_text)


def _hydrate(options: Options) -> None:
    from visualzero.reruns.hydrate import hydrate

    hydrate(*study_of(options))


def _verify(options: Options) -> None:
    from visualzero.verifying import verified_text, verify_tree

    found = verify_tree(options.path or study_of(options)[1].root)
    show(options, {**vars(found), "root": str(found.root)}, lambda _: verified_text(found))
    if found.differs:
        more = len(found.to_delete) - SHOWN
        named = ", ".join(found.to_delete[:SHOWN]) + (f" and {more} more" if more > 0 else "")
        raise UserError(
            f"{found.root}: {len(found.differs)} files differ: restore them (dvc checkout), or delete"
            f" {named or 'them'} and run snakemake again"
        )


def _fingerprints(options: Options) -> None:
    from visualzero.reruns.lineage import write_fingerprints

    write_fingerprints(*study_of(options))
