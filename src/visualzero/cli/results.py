"""Commands that show results while they come, and that take them to other tools."""

from pathlib import Path

from visualzero.cli.commands import Commands, Options, print_text, seed_of, study_of, takes_arm
from visualzero.errors import UserError

TITLE = "results: watch them come, take them elsewhere"


def add(commands: Commands) -> None:
    """Declare them."""
    watch = commands.add(
        "watch",
        _watch,
        "what the training runs are doing: steps, time left, reward, length, last rollouts",
        "watch",
        "watch --once --scale paper",
    )
    watch.add_argument("--once", action="store_true", help="print one picture and end")

    export = commands.add(
        "export", None, "results for papers and other tools", "export figures", "export inspect base-grpo --out logs"
    )
    forms = Commands(export.add_subparsers(title="forms", required=True, metavar="FORM"), depth=2)
    tables = forms.add(
        "tables",
        _export_tables,
        "scores and comparisons as CSV, Markdown and LaTeX",
        "export tables",
        "export tables docs/demo --out paper/tables",
    )
    figures = forms.add(
        "figures",
        _export_figures,
        "accuracy and the course of training as SVG and PDF, for print",
        "export figures",
        "export figures docs/demo --out paper/figures",
    )
    for form in (tables, figures):
        form.add_argument("results", nargs="?", type=Path, metavar="RESULTS", help="default: results/<scale>")
        form.add_argument("--out", type=Path, metavar="FOLDER", help=f"default: build/{form.prog.split()[-1]}/<scale>")
    inspect = forms.add(
        "inspect",
        _export_inspect,
        "logs of Inspect (inspect_ai): questions, images, responses, scores; `inspect view` shows them",
        "export inspect",
        "export inspect base-grpo base-sft --out logs",
    )
    inspect.add_argument("arms", nargs="*", metavar="ARM", help="default: all that are scored")
    inspect.add_argument("--out", type=Path, metavar="FOLDER", help="default: build/inspect/<scale>")

    publish = commands.add(
        "publish",
        _publish,
        "a trained model for the hub: a folder with its card and measures, uploaded only if asked",
        "publish base-grpo",
        "publish base-grpo --seed 2 --repo me/base-grpo --upload",
    )
    takes_arm(publish)
    publish.add_argument("--repo", metavar="OWNER/NAME", help="of the hub; made private where it isn't there")
    publish.add_argument("--upload", action="store_true", help="do it; else it is only said what would be uploaded")


def _watch(options: Options) -> None:
    from visualzero.watching.watch import watch, watch_once

    study, layout = study_of(options)
    (watch_once if options.once else watch)(study, layout)


def _export_inspect(options: Options) -> None:
    from visualzero.exporting.inspect_logs import export_inspect

    study, layout = study_of(options)
    export_inspect(study, layout, options.arms, options.out or Path("build/inspect") / study.scale)


def _export_tables(options: Options) -> None:
    from visualzero.exporting.tables import export_tables
    from visualzero.frames import Results

    folder = options.results or study_of(options)[1].root
    export_tables(Results(folder), options.out or Path("build/tables") / folder.name)


def _export_figures(options: Options) -> None:
    from visualzero.exporting.figures import export_figures
    from visualzero.frames import Results

    folder = options.results or study_of(options)[1].root
    export_figures(Results(folder), options.out or Path("build/figures") / folder.name)


def _publish(options: Options) -> None:
    from visualzero.exporting.model_folder import make_model_folder

    study, layout = study_of(options)
    if options.upload and not options.repo:
        raise UserError("--upload: no --repo OWNER/NAME to upload to: give one")
    seed = seed_of(options, study)
    folder = Path("build/models") / study.scale / f"{options.arm}-{seed}"
    make_model_folder(study, layout, options.arm, seed, folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    print_text("\n".join(f"{path.stat().st_size:>12,} {path}" for path in files))
    if options.upload:
        from visualzero.exporting.uploading import upload

        upload(folder, options.repo, f"{options.arm}, seed {seed}, of a study made with visualzero")
    else:
        print_text(f"nothing is uploaded: read {folder / 'README.md'}, then add --repo OWNER/NAME --upload")
