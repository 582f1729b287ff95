"""A trained model for the hub: its card and measures are the study's, and nothing is uploaded unless asked."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from hub_server import Hub, hub
from visualzero.cli import main
from visualzero.layout import Layout
from visualzero.manifest import read_manifest, write_manifest

__all__ = ["hub"]  # the fixture
ROOT = Path(__file__).resolve().parents[1]
CONFIG = ["--config", str(ROOT / "config/config.yaml")]
LAYOUT = Layout("demo")
FOLDER = Path("build/models/demo/base-grpo-1")
WEIGHTS = b"weights" * 1000


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recorded demo's summary, and a run of base-grpo with small files."""
    monkeypatch.chdir(tmp_path)
    run = LAYOUT.run("base-grpo", 1)
    (run / "model").mkdir(parents=True)
    (run / "model/model.safetensors").write_bytes(WEIGHTS)
    (run / "model/config.json").write_text("{}")
    (run / "history.parquet").write_bytes(b"PAR1")
    write_manifest(run / "manifest.json", [path for path in run.rglob("*") if path.is_file()], "f" * 16)
    shutil.copy(ROOT / "docs/demo/summary.json", LAYOUT.summary)
    LAYOUT.report.mkdir()
    reported = {"runs": {"base-grpo/1": read_manifest(run / "manifest.json")}}
    (LAYOUT.report / "manifests.json").write_text(json.dumps(reported))
    return run


def publish(*words: str) -> None:
    main([*CONFIG, "publish", "base-grpo", *words])


def test_nothing_is_uploaded_unless_asked(run: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    publish("--repo", "me/mine")
    assert hub.asked == []
    assert hub.repos == {}
    names = {"README.md", "config.json", "manifest.json", "model.safetensors", "results.json"}
    assert {path.name for path in FOLDER.iterdir()} == names
    assert "nothing is uploaded: read build/models/demo/base-grpo-1/README.md" in capsys.readouterr().out
    assert run.is_dir()


def test_the_card_has_the_measures_of_the_summary_and_metadata_that_hubs_read(run: Path) -> None:
    assert run.is_dir()
    publish()
    _, header, text = (FOLDER / "README.md").read_text().split("---\n", 2)
    metadata = yaml.safe_load(header)
    cell = json.loads(LAYOUT.summary.read_text())["arms"]["base-grpo"]["seeds"]["1"]["toyspace"]
    assert metadata["license"] == "apache-2.0"
    assert metadata["model-index"][0]["results"][0]["metrics"][0]["value"] == cell["micro"]
    for part in (
        "# Base + GRPO (R1-Zero), seed 1",
        f"**{100 * cell['micro']:.1f}** %",
        "1 x accuracy, 1 x format",
        "f" * 16,
    ):
        assert part in text
    for section in ("Use", "Measures", "Limits", "How it was made", "Licence"):
        assert f"\n## {section}\n" in text
    assert json.loads((FOLDER / "results.json").read_text())["scores"]["toyspace"] == cell
    before = (FOLDER / "README.md").read_bytes()
    publish()
    assert (FOLDER / "README.md").read_bytes() == before


def test_a_model_of_the_hub_is_named_with_its_own_licence(run: Path) -> None:
    assert run.is_dir()
    publish("--set", "models.base={path: null, repo: Qwen/Qwen2-VL-2B, revision: null}")
    metadata = yaml.safe_load((FOLDER / "README.md").read_text().split("---\n", 2)[1])
    assert (metadata["base_model"], metadata["license"]) == ("Qwen/Qwen2-VL-2B", "other")
    assert metadata["license_link"] == "https://huggingface.co/Qwen/Qwen2-VL-2B"


def test_a_card_tells_no_folder_of_this_machine(run: Path) -> None:
    assert run.is_dir()
    publish(
        *("--set", "models.base={path: /home/me/secret/my-model}"),
        *("--set", "data.train={kind: local, path: /home/me/secret/my.jsonl, images: /home/me/secret}"),
    )
    text = (FOLDER / "README.md").read_text()
    assert "secret" not in text
    assert "**Starts from**: my-model" in text
    assert "kind local, path my.jsonl" in text
    assert yaml.safe_load(text.split("---\n", 2)[1])["license"] == "other"


def test_an_upload_goes_into_a_private_repository(run: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run.is_dir()
    hub.token = "hf_mine"
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # a protocol of its own
    publish("--repo", "me/mine", "--upload")
    assert hub.private == {"models/me/mine"}
    assert hub.repos["models/me/mine"] == {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    assert hub.repos["models/me/mine"]["model.safetensors"] == WEIGHTS


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--upload"], "--upload: no --repo OWNER/NAME to upload to: give one"),
        (["--repo", "me/mine", "--upload"], "answered 401: give a token that may write there (`hf auth login`)"),
        (["--repo", "no name/at/all", "--upload"], "--repo no name/at/all: no name of a repository: give OWNER/NAME"),
    ],
)
def test_what_keeps_a_model_from_being_uploaded_is_told_in_a_line(
    run: Path, hub: Hub, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert run.is_dir()
    hub.token = "hf_theirs"
    with pytest.raises(SystemExit):
        publish(*words)
    [line] = capsys.readouterr().err.splitlines()
    assert told in line
    assert hub.repos == {}


def test_a_hub_that_is_not_there_is_told_in_a_line(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    assert run.is_dir()
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(SystemExit):
        publish("--repo", "me/mine", "--upload")
    [line] = capsys.readouterr().err.splitlines()
    assert "http://127.0.0.1:9 can't be reached" in line


def test_altered_weights_are_not_given_away(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "model/model.safetensors").write_bytes(b"others")
    with pytest.raises(SystemExit):
        publish()
    assert "model.safetensors: altered since it was made" in capsys.readouterr().err
    assert not FOLDER.exists()


def test_weights_that_were_trained_anew_since_they_were_measured_are_not_given_away(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "model/model.safetensors").write_bytes(b"trained anew")
    write_manifest(run / "manifest.json", list((run / "model").iterdir()), "f" * 16)
    with pytest.raises(SystemExit):
        publish()
    assert "results/demo/summary.json: no measures of these weights: run `snakemake all`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arm", "told"),
    [
        ("base", "arm 'base' is not trained: name one that is (base-sft, base-grpo, instruct-grpo)"),
        ("base-grpo", "results/demo/summary.json: no measures of these weights: run `snakemake all`"),
    ],
)
def test_what_there_is_no_model_or_no_measure_of_is_told(
    run: Path, capsys: pytest.CaptureFixture[str], arm: str, told: str
) -> None:
    assert run.is_dir()
    LAYOUT.summary.unlink()
    with pytest.raises(SystemExit):
        main([*CONFIG, "publish", arm])
    assert capsys.readouterr().err == f"error: {told}\n"
