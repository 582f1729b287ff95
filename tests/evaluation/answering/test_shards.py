"""Shards and the gather step: the same bytes however many jobs share an evaluation."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from visualzero.config import CONTROLS, Study, load_study
from visualzero.data.question import write_questions
from visualzero.errors import UserError
from visualzero.evaluation.answering.gather import gather_arm
from visualzero.evaluation.answering.shards import WHOLE, Shard, shards
from visualzero.evaluation.rows import write_rows
from visualzero.jobs import predict_fingerprint
from visualzero.layout import Layout

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).resolve().parents[3]
EVALUATION = ("base", "untrained", "toyspace")


def test_a_shard_is_named_as_snakemake_names_it() -> None:
    assert Shard.parse("2-of-4") == Shard(2, 4)
    assert str(Shard(2, 4)) == "2-of-4"
    assert Shard.parse("1-of-1") == WHOLE


@pytest.mark.parametrize("text", ["", "2", "0-of-2", "3-of-2", "2-of-4-of-8", "-1-of-2", "1.5-of-2"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="not a shard: write for example 2-of-4"):
        Shard.parse(text)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 12])
def test_shards_share_everything_as_evenly_as_can_be(count: int) -> None:
    parts = [shard.of(range(10)) for shard in shards(count)]
    assert sorted(item for part in parts for item in part) == list(range(10))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.fixture
def study(tmp_path: Path, toyspace: "pd.DataFrame", monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study of three shards in a folder of its own, with its questions."""
    monkeypatch.chdir(tmp_path)
    raw = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    study = load_study(raw | {"evaluate": {"shards": 3}}, ROOT)
    write_questions(toyspace.to_dict("records"), Layout(study.scale).questions("toyspace"))
    return study


@pytest.mark.parametrize("control", [None, "no_image"])
def test_gathered_shards_are_what_one_job_writes(study: Study, toyspace: "pd.DataFrame", control: str | None) -> None:
    layout = Layout(study.scale)
    rows = [{"id": name, "response": f"{name} ß \u2028"} for name in toyspace["id"]]
    for shard in shards(3):
        write_rows(reversed(shard.of(rows)), layout.shard(*EVALUATION, control, shard))
    gather_arm(study, layout, *EVALUATION, control)
    whole = Path("whole.jsonl")
    write_rows(rows, whole)
    assert layout.predictions(*EVALUATION, control).read_bytes() == whole.read_bytes()


def test_a_question_that_no_shard_has_answered_is_told(study: Study, toyspace: "pd.DataFrame") -> None:
    layout = Layout(study.scale)
    rows = [{"id": name} for name in toyspace["id"][:-1]]
    for shard in shards(3):
        write_rows(shard.of(rows), layout.shard(*EVALUATION, None, shard))
    with pytest.raises(UserError, match=rf"1 of 16 questions have no response, such as '{toyspace['id'][15]}'"):
        gather_arm(study, layout, *EVALUATION)
    assert not layout.predictions(*EVALUATION).exists()


def test_a_missing_shard_is_told(study: Study) -> None:
    layout = Layout(study.scale)
    with pytest.raises(UserError, match=r"toyspace\.shards/1-of-3\.jsonl: no such file"):
        gather_arm(study, layout, *EVALUATION)


def test_every_evaluation_has_a_file_of_its_own() -> None:
    layout = Layout("demo")
    controls = (None, "no_image", "shuffled_image", "swapped_options")
    for path in (layout.predictions, layout.scores, partial(layout.shard, shard=Shard(1, 2))):
        assert len({path(*EVALUATION, control=control) for control in controls}) == 4
    assert layout.predictions(*EVALUATION, "no_image").name == "toyspace.no_image.jsonl"


def test_responses_depend_on_the_control_and_the_engine_and_not_on_the_shards(study: Study) -> None:
    def fingerprint(control: str | None = None, **evaluate: object) -> str:
        raw = yaml.safe_load((ROOT / "config/config.yaml").read_text())
        return predict_fingerprint(load_study(raw | {"evaluate": evaluate}, ROOT), "base", "toyspace", control)

    assert fingerprint(shards=3) == fingerprint() == predict_fingerprint(study, "base", "toyspace")
    assert len({fingerprint(control) for control in (None, *CONTROLS)}) == 4
    assert fingerprint(engine="vllm") != fingerprint()
