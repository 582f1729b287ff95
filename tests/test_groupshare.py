"""The package alone: its README's script, its function, and what it says of bad input."""

import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from packaging.requirements import Requirement
from torch import Tensor
from torch.nn.functional import pad
from trl import GRPOTrainer

import groupshare
from groupshare import GroupSharing, Question, RowError, SharingError, log_probs, question_of, stream, stream_of
from groupshare.questions import QuestionRows
from repository import ROOT
from sharing_cases import completions, questions, relative, trainer, update
from tiny_families import FAMILIES, tiny
from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),
]
README = ROOT / "src/groupshare/README.md"
LENGTHS = [[5, 12], [1], [7, 3, 4]]


def loaded(family: str, folder: Path) -> tuple[Any, Any, Dataset]:
    """A model, its processor, and rows that it can be asked."""
    if family == "qwen2_vl":
        return load_model(folder, "float32"), load_processor(folder, "r1_zero", 3136, 12544), questions()
    return *tiny(family), questions() if family != "qwen3" else questions().remove_columns("image")


def drawn() -> list[list[Tensor]]:
    """Completions of each question, of LENGTHS."""
    rows = iter(completions([length for lengths in LENGTHS for length in lengths], 50))
    return [[torch.tensor(next(rows)) for _ in lengths] for lengths in LENGTHS]


def one_by_one(
    model: Any, groups: list[tuple[Question, list[Tensor]]], temperature: float
) -> tuple[list[Tensor], list[Tensor]]:
    """Log-probabilities and entropies of each completion, in a row of its own and by the model's own forward."""
    logs, entropies = [], []
    for question, its in groups:
        for completion in its:
            ids = torch.cat([question.input_ids, completion])[None]
            types = {name: pad(value, (0, len(completion)))[None] for name, value in question.types.items()}
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), **types, **question.images).logits
            scores = (logits[0, -len(completion) - 1 : -1] / temperature).log_softmax(-1)
            logs.append(scores.gather(1, completion[:, None])[:, 0])
            entropies.append(-(scores.exp() * scores).sum(-1))
    return logs, entropies


@pytest.mark.parametrize("at_a_time", [1024, 7])
@pytest.mark.parametrize("family", ["qwen2_vl", *FAMILIES])
def test_the_function_gives_what_the_model_gives_of_one_row_per_completion(
    tiny_model: Path, family: str, at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "TOKENS_AT_A_TIME", at_a_time)
    found = []
    for shared in (True, False):
        model, processor, rows = loaded(family, tiny_model)
        groups = [(question_of(model, processor, row), its) for row, its in zip(rows, drawn(), strict=True)]
        if shared:
            made = stream_of(groups)
            logs, entropies = (made.rows(values) for values in log_probs(model, made, temperature=0.7))
            assert [len(row) for row in logs] == [length for lengths in LENGTHS for length in lengths]
        else:
            logs, entropies = one_by_one(model, groups, 0.7)
        sum((0.1 * i - 0.2) * row.sum() for i, row in enumerate(logs)).backward()
        slopes = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        found.append((torch.cat(logs), torch.cat(entropies), slopes))
    ours, theirs = found
    for a, b in zip(ours, theirs, strict=True):
        assert relative(a.detach(), b.detach()) < 1e-5


def test_a_model_that_took_a_stream_does_all_else_as_before(tiny_model: Path) -> None:
    model, processor, rows = loaded("qwen2_vl", tiny_model)
    groups = [(question_of(model, processor, row), its) for row, its in zip(rows, drawn(), strict=True)]
    before = one_by_one(model, groups, 1.0)[0]
    log_probs(model, stream_of(groups))
    assert all(relative(a, b) < 1e-5 for a, b in zip(one_by_one(model, groups, 1.0)[0], before, strict=True))


@pytest.mark.parametrize("its", [[], [torch.tensor([], dtype=torch.long)]])
def test_a_stream_has_something_to_score(tiny_model: Path, its: list[Tensor]) -> None:
    model, processor, rows = loaded("qwen2_vl", tiny_model)
    question = question_of(model, processor, rows[0])
    with pytest.raises(ValueError, match="one completion or more, each of one token or more"):
        stream_of([(question, its)])


def test_another_attention_is_refused_by_the_function_too(tiny_model: Path) -> None:
    model, processor, rows = loaded("qwen2_vl", tiny_model)
    made = stream_of([(question_of(model, processor, rows[0]), [torch.tensor([60, 61])])])
    model.set_attn_implementation("eager")
    with pytest.raises(SharingError, match="the model's attention is 'eager'"):
        log_probs(model, made)


def test_a_trainer_of_ones_own_shares_by_a_word_before_its_base(tiny_model: Path) -> None:
    class Doubled(GRPOTrainer):
        def _calculate_rewards(self, *args: Any) -> Tensor:
            return 2 * super()._calculate_rewards(*args)

    class Sharing(GroupSharing, Doubled):
        pass

    lengths = [5, 12, 2, 7, 1, 4, 9, 9, 12, 3, 6, 8]
    settings = {"scale_rewards": False}
    kinds = (Doubled, Sharing, GRPOTrainer)
    made = [trainer(kind, tiny_model, **settings) for kind in kinds]
    stock, ours, plain = (update(one, completions(lengths, one.eos_token_ids[0])) for one in made)
    assert max(ours.distance(stock).values()) < 1e-5
    assert ours.distance(plain)["gradients"] > 0.1


def script() -> str:
    """The first script of the README."""
    [code, *_] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    return str(code)


def test_the_readmes_script_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands, on a model of the hub's name and kind, which is read as a downloaded one would be."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts/trl_tests"))
    [name] = re.findall(r'^MODEL = "(.*?)"', script(), flags=re.MULTILINE)
    for part in import_module("image_models").make(name.removeprefix("trl-internal-testing/tiny-"), large=False):
        part.save_pretrained(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(script(), str(README), "exec"), names)
    assert names["trainer"].state.global_step == 2
    assert names["trainer"]._verified
    assert names["trainer"]._shares_rollout


def test_the_readmes_script_is_about_twenty_lines() -> None:
    assert len([line for line in script().splitlines() if line.strip()]) <= 22


def test_the_versions_that_the_readme_names_are_the_ends_of_what_the_package_asks_for() -> None:
    project = tomllib.loads((ROOT / "src/groupshare/pyproject.toml").read_text(encoding="utf-8"))["project"]
    table = README.read_text(encoding="utf-8").partition("\n## Versions\n")[2]
    names, oldest, newest = (
        [cell.strip() for cell in row.split("|")[1:]] for row in re.findall(r"^\|([a-z ]*\|.*)\|$", table, re.MULTILINE)
    )
    for text, name, low, high in zip(project["dependencies"], names, oldest, newest, strict=True):
        asked = Requirement(text)
        assert asked.name == name.lower()
        assert f">={low.removesuffix('.0').removesuffix('.0')}" in text
        assert asked.specifier.contains(high)
        major, minor = high.split(".")[:2]
        assert {f"{major}.{int(minor) + 1}", f"{int(major) + 1}"} & {spec.version for spec in asked.specifier}


def test_what_the_package_offers_is_there_and_described() -> None:
    for name in groupshare.__all__:
        assert getattr(groupshare, name).__doc__, name
    assert not hasattr(groupshare, "Nothing")
    assert import_module("groupshare.attention").NAME == "group_sharing"


def test_a_row_of_which_no_question_can_be_made_is_told() -> None:
    def prepare(row: dict[str, Any]) -> Question:
        raise ValueError("two images and one place\nand more")

    with pytest.raises(
        RowError, match=r"^row 1: its prompt and images can't be put together: two images and one place$"
    ):
        QuestionRows([{}, {}], prepare)[1]
