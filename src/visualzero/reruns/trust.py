"""Whether Snakemake may believe in the results that lie there: asked by every plan.

Snakemake compares what it recorded of an output with the study of now. Of an output without a record (pulled, copied)
it believes that it is up to date, whatever it was made from; and of a folder it sees only that there is one. So outputs
without a record are refused here, and so are folders that have lost a file, files that were altered, and models of
another checkout.

A manifest is written last of all, so a file that is newer was touched afterwards, and its digest is taken: a plan costs
nothing for results that nobody has touched. What alters a file and not its time (a failing disk) is seen by the job
that reads it, and by `visualzero verify`. Manifests themselves, the summary and the report, of which no other file
tells what they were, are compared with what their jobs have left (`receipts.py`).
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from visualzero import jobs
from visualzero.config import Study
from visualzero.errors import UserError
from visualzero.layout import REPORT_FILES, Layout, kept_steps, seeds_of
from visualzero.manifest import read_manifest, sha256
from visualzero.reruns.receipts import altered, write_receipts

SNAKEMAKE = Path(".snakemake")
NAME_MAX = 254  # Snakemake splits the name of a longer record into folders
SMALL = (".json", ".jsonl", ".csv", ".md", ".html")


def check_results(study: Study, layout: Layout) -> None:
    """Do nothing if every output that is there was made here, or taken over, and is whole.

    Raises:
        UserError: if one was not, is of another checkout, has lost a file or was altered.
    """
    every = list(outputs(study, layout))
    unknown = [path for path in every if path.exists() and not recorded(path)]
    if unknown:
        raise UserError(
            f"{unknown[0]}{_more(unknown)}: not made here, so that nobody knows"
            " what from: take over what DVC has pulled with `visualzero hydrate`, or delete them"
        )
    _check_manifests(study, layout)
    if changed := altered(_small(every), _ended):
        raise UserError(
            f"{changed[0]}{_more(changed)}: not what was made here, but restored, edited or of another run:"
            f" delete {changed[0]} to make it again, or take over what DVC has checked out with `visualzero hydrate`"
        )


def _check_manifests(study: Study, layout: Layout) -> None:
    for manifest, fingerprint in manifests(study, layout).items():
        if not manifest.is_file():
            continue
        content = read_manifest(manifest)
        if content.get("fingerprint", fingerprint) != fingerprint and _recorded_as(manifest, fingerprint):
            raise UserError(
                f"{manifest}: not what Snakemake has made here, but of another checkout: get the right one"
                f" (dvc checkout, visualzero hydrate), or delete {manifest} to make it again"
            )
        for name in _lost(manifest, content["files"]):
            raise UserError(
                f"{manifest.parent / name}: missing, though {manifest} lists it:"
                f" restore it (dvc checkout), or delete {manifest} to make it again"
            )
        for name in _altered(manifest, content["files"]):
            raise UserError(
                f"{manifest.parent / name}: altered since it was made:"
                f" restore it (dvc checkout), or delete {manifest} to make it again"
            )


def keep_receipts(study: Study, layout: Layout) -> None:
    """Keep what the small outputs are now, where jobs here have left them so: before and after each run."""
    write_receipts(_small(outputs(study, layout)), _ended)


def outputs(study: Study, layout: Layout) -> Iterator[Path]:
    """What jobs make."""
    yield from (layout.questions(name) for name in ("train", *study.data.benchmarks))
    for manifest in manifests(study, layout):
        yield manifest
        if manifest.name == "manifest.json":
            yield manifest.parent / "model"
    for arm, spec in study.arms.items():
        for seed in seeds_of(study, arm):
            if spec.trained:
                yield layout.run(arm, seed) / "history.parquet"
            if spec.recipe == "grpo":
                yield layout.run(arm, seed) / "rollouts.parquet"
            for step in kept_steps(study, arm):
                yield layout.checkpoint_predictions(arm, seed, step, next(iter(study.data.benchmarks)))
    for evaluation in _evaluations(study):
        yield layout.predictions(*evaluation)
        yield layout.scores(*evaluation)
    for arm, seed in _runs(study, study.sampled_arms()):
        yield layout.samples(arm, seed, study.sampled_benchmark)
        yield layout.sample_scores(arm, seed, study.sampled_benchmark)
    for arm, seed in _runs(study, study.intervened_arms()):
        yield layout.interventions(arm, seed, study.intervened_benchmark)
        yield layout.intervention_scores(arm, seed, study.intervened_benchmark)
    yield layout.summary
    if any(kept_steps(study, arm) for arm in study.arms):
        yield layout.curve
    yield from (layout.report / name for name in REPORT_FILES)


def _evaluations(study: Study) -> Iterator[tuple[str, int | str, str, str | None]]:
    """Arm, seed, benchmark and control of every evaluation."""
    for arm in study.arms:
        controls = [None, *(control for control, asked in study.controls if arm in asked)]
        for seed in seeds_of(study, arm):
            for name in study.data.benchmarks:
                yield from ((arm, seed, name, control) for control in controls)


def _runs(study: Study, arms: Iterable[str]) -> Iterator[tuple[str, int | str]]:
    """Arm and seed of every run of these arms."""
    return ((arm, seed) for arm in arms for seed in seeds_of(study, arm))


def manifests(study: Study, layout: Layout) -> dict[Path, str]:
    """The manifests of all outputs that have one, each with the fingerprint that it has to have."""
    found = {
        layout.questions(name).with_suffix(".json"): jobs.data_fingerprint(study, name)
        for name in ("train", *study.data.benchmarks)
    }
    for init in sorted({study.origin(arm) for arm in study.arms}):
        found[layout.model(init).parent / "manifest.json"] = jobs.model_fingerprint(study, init)
    for arm in (name for name, spec in study.arms.items() if spec.trained):
        found |= {
            layout.run(arm, seed) / "manifest.json": jobs.run_fingerprint(study, arm, seed) for seed in study.seeds
        }
    for arm, seed, name, control in _evaluations(study):
        responses, scores = (of(arm, seed, name, control) for of in (layout.predictions, layout.scores))
        found[responses.with_suffix(".json")] = jobs.predict_fingerprint(study, arm, name, control)
        found[scores.with_suffix(".json")] = jobs.score_fingerprint(study, arm)
    for arm, seed in _runs(study, study.sampled_arms()):
        samples, scores = (of(arm, seed, study.sampled_benchmark) for of in (layout.samples, layout.sample_scores))
        found[samples.with_suffix(".json")] = jobs.sample_fingerprint(study, arm)
        found[scores.with_suffix(".json")] = jobs.sample_scores_fingerprint(study, arm)
    for arm, seed in _runs(study, study.intervened_arms()):
        name = study.intervened_benchmark
        answers, scores = (of(arm, seed, name) for of in (layout.interventions, layout.intervention_scores))
        found[answers.with_suffix(".json")] = jobs.intervention_fingerprint(study, arm)
        found[scores.with_suffix(".json")] = jobs.intervention_scores_fingerprint(study, arm)
    return found


def recorded(path: Path) -> bool:
    """Whether Snakemake knows of an output: what it was made from, or that its job was cut off."""
    return any(record(path, kind).exists() for kind in ("metadata", "incomplete"))


def record(path: Path, kind: str = "metadata") -> Path:
    """Snakemake's own note about an output, as its version 9 names it."""
    name = urlsafe_b64encode(str(path).encode()).decode()
    parts = [name[start : start + NAME_MAX] for start in range(0, len(name), NAME_MAX)]
    return SNAKEMAKE.joinpath(kind, *(f"@{part}" for part in parts[:-1]), parts[-1])


def _recorded_as(path: Path, fingerprint: str) -> bool:
    """Whether Snakemake believes that an output was made from this."""
    return repr(fingerprint) in _note(path).get("params", [])


def _ended(path: Path) -> float | None:
    """When its job had left an output."""
    return _note(path).get("endtime")


def _note(path: Path) -> dict[str, Any]:
    """What Snakemake has noted of an output; nothing if that can't be read, or says that the job was cut off."""
    try:
        content = json.loads(record(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and not record(path, "incomplete").exists() else {}


def _small(paths: Iterable[Path]) -> list[Path]:
    """Those that are compared by content: tables and weights are by their manifests, which are among these."""
    return [path for path in paths if path.suffix in SMALL]


def _more(paths: list[Path]) -> str:
    return f" and {len(paths) - 1} more" if paths[1:] else ""


def _lost(manifest: Path, listed: Iterable[str]) -> list[str]:
    """The listed files that are missing from a folder that is there; an output that is gone is made again."""
    files = [(name, manifest.parent / name) for name in listed]
    folders = {name: manifest.parent / Path(name).parts[0] for name, _ in files}
    return [name for name, path in files if folders[name].is_dir() and not path.exists()]


def _altered(manifest: Path, listed: Mapping[str, str]) -> list[str]:
    """The listed files that are not what they were when the manifest was written, as far as their times tell."""
    written = manifest.stat().st_mtime_ns
    touched = [
        name for name in listed if (path := manifest.parent / name).is_file() and path.stat().st_mtime_ns > written
    ]
    return [name for name in touched if sha256(manifest.parent / name) != listed[name]]
