"""A trained model as a folder that can be given away: weights, card, measures, and where it comes from."""

import shutil
from pathlib import Path

from visualzero.config import Study
from visualzero.errors import UserError
from visualzero.exporting.card import card_text
from visualzero.layout import Layout
from visualzero.manifest import read_manifest, verify, write_json
from visualzero.report.inputs import read_json
from visualzero.training.publishing import link_or_copy


def make_model_folder(study: Study, layout: Layout, arm: str, seed: int | str, out: Path) -> None:
    """Make `out` anew: the model's files, README.md (the card), results.json and the run's manifest.json.

    Weights have a second name there where the file system allows it; the rest are copies.

    Raises:
        UserError: if the arm is not trained or evaluated yet, or its files were altered since they were made.
    """
    run = layout.run(arm, seed)
    if not isinstance(seed, int):
        raise UserError(f"arm '{arm}' is not trained: name one that is ({', '.join(study.trained_arms())})")
    verify(run / "manifest.json", "model")
    _check_measured(layout, arm, seed)
    text, measures = card_text(study, layout, arm, seed), _measures(layout, arm, seed)
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(run / "model", out, copy_function=_weights_linked)
    shutil.copy(run / "manifest.json", out)
    write_json(out / "results.json", measures)
    (out / "README.md").write_text(text, encoding="utf-8")


def _check_measured(layout: Layout, arm: str, seed: int) -> None:
    """Check that the summary is of these weights: the report beside it keeps the manifests that it was made from."""
    kept = layout.report / "manifests.json"
    reported = read_json(kept, "manifests")["runs"] if kept.is_file() and layout.summary.is_file() else {}
    if (
        reported.get(f"{arm}/{seed}", {}).get("files")
        != read_manifest(layout.run(arm, seed) / "manifest.json")["files"]
    ):
        raise UserError(f"{layout.summary}: no measures of these weights: run `snakemake all`")


def _weights_linked(source: str, target: str) -> None:
    (link_or_copy if source.endswith(".safetensors") else shutil.copy2)(source, target)


def _measures(layout: Layout, arm: str, seed: int) -> dict[str, object]:
    """What summary.json says of the run."""
    summary = read_json(layout.summary, "summary")
    under = {name: arms[arm] for name, arms in summary["accuracies"].items() if arm in arms}
    pairs = [{"benchmark": name, **pair} for name, found in summary["comparisons"].items() for pair in found]
    return {
        "arm": arm,
        "seed": seed,
        "scores": summary["arms"].get(arm, {}).get("seeds", {}).get(str(seed), {}),
        "under_every_scorer": under,
        "comparisons": [pair for pair in pairs if arm in (pair["a"], pair["b"])],
        "baselines": summary["baselines"],
    }
