"""A token step asks the device nothing, launches little, and works from and to memory that stays where it is."""

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel
from transformers.masking_utils import causal_mask_function

from groupshare import attention, caches, shared_prompts
from groupshare.attention import Layer, Rule, install
from groupshare.caches import Lines, Prefilled
from groupshare.choosing import Choice
from groupshare.cohorts import Cohort, Luck, Room
from groupshare.decoding import Decoder
from groupshare.questions import Question, question_of
from groupshare.recording import Recorder
from groupshare.rollout import rollout, sampler, settings_of
from groupshare.shared_prompts import SharedPrompts
from launches import Launches
from sharing_cases import questions
from tiny_families import FAMILIES, tiny
from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor

pytestmark = pytest.mark.usefixtures("one_thread")
MOST = 20
ENDS = [*range(40, 60)]


@pytest.fixture
def asked(tiny_model: Path) -> tuple[PreTrainedModel, list[Question]]:
    """A model, and three questions of different lengths."""
    model, processor = load_model(tiny_model, "float32"), load_processor(tiny_model, "r1_zero", 3136, 12544)
    install(model)
    return model, [question_of(model, processor, row) for row in questions()]


def settings(model: PreTrainedModel, **changed: Any) -> GenerationConfig:
    given = {
        "do_sample": True,
        "max_new_tokens": MOST,
        "top_k": 20,
        "pad_token_id": 0,
        "eos_token_id": [*range(40, 60)],
    }
    return settings_of(model, GenerationConfig(**given | changed))


def greedy(model: PreTrainedModel, room: Room) -> Decoder:
    return Decoder(model, lambda rows, fixed: Lines(rows, MOST, fixed), Choice(ENDS, MOST, penalty=1.2), room, 4, 4096)


def written(decoder: Decoder, cohorts: list[Cohort]) -> list[list[int]]:
    for _ in decoder.write(iter(cohorts)):
        pass
    return [row.tokens for cohort in cohorts for row in cohort.rows]


def singles(asked: list[Question], times: int = 4) -> list[Cohort]:
    return [Cohort.of([question]) for question in asked * times]


def groups(model: PreTrainedModel, asked: list[Question], cohorts: int = 3) -> list[Cohort]:
    rows = [question for question in asked for _ in range(4)]
    return [Cohort.of(rows, Luck(model.device, seed)) for seed in range(cohorts)]


class Steps(Recorder):
    """Stands in for a recorder of CUDA graphs: runs each step, and checks that a replay would have read the same."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder, self.replays = decoder, 0
        self.known: dict[Hashable, list[int]] = {}

    def forget(self) -> None:
        """Nothing was recorded."""
        self.known.clear()

    def addresses(self) -> list[int]:
        kept = {name: value for name, value in self.decoder.state.items() if name != "said"}
        cache = self.decoder.cache
        assert cache is not None
        layers = [x for layer in cache.layers for x in (layer if isinstance(layer, tuple) else vars(layer).values())]
        return [value.data_ptr() for value in (*kept.values(), cache.at, *layers)]

    def run(self, name: Hashable, step: Callable[[], None]) -> None:
        before = self.addresses()
        step()
        if name in self.known:
            self.replays += 1
            assert self.known[name] == before == self.addresses()
        self.known[name] = self.addresses()


def fixed(decoder: Decoder) -> Decoder:
    """The decoder as it is on a GPU, without one."""
    decoder.recorder = Steps(decoder)
    decoder.late = 1
    return decoder


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Launches]:
    """What each token step launches, with attention as it is on a GPU."""
    monkeypatch.setattr(shared_prompts, "attend_apart", attention.attend_apart_step_by_step)
    steps: list[Launches] = []
    step = Decoder._step

    def watched(self: Decoder) -> None:
        with Launches() as launches:
            step(self)
        steps.append(launches)

    monkeypatch.setattr(Decoder, "_step", watched)
    return steps


def test_waits_are_counted() -> None:
    numbers = torch.arange(3)
    asks: list[Callable[[], Any]] = [
        lambda: int(numbers.sum()),
        lambda: numbers.nonzero(),
        lambda: numbers[0].item(),
        lambda: numbers.tolist(),
        lambda: numbers[numbers > 1],
        lambda: torch.multinomial(numbers.float(), 1),
        lambda: torch.tensor([1]),
        lambda: bool(numbers.any()),
    ]
    for ask in asks:
        with Launches() as launches:
            ask()
        assert launches.waits
    with Launches() as launches:
        (numbers + 1).view(1, 3).transpose(0, 1).clamp_(max=2)
    assert (launches.waits, launches.launched) == (0, 2)


@pytest.mark.parametrize("as_on_a_gpu", [False, True])
@pytest.mark.parametrize("kind", ["greedy", "groups"])
def test_no_token_step_waits_for_the_device(
    asked: tuple[PreTrainedModel, list[Question]], monkeypatch: pytest.MonkeyPatch, kind: str, as_on_a_gpu: bool
) -> None:
    model, its = asked
    steps = counted(monkeypatch)
    if kind == "greedy":
        decoder, cohorts = greedy(model, Room(rows=4)), singles(its)
    else:
        decoder, cohorts = sampler(model, settings(model), Room(rows=24), 4, log_probs=True), groups(model, its)
    assert all(written(fixed(decoder) if as_on_a_gpu else decoder, cohorts))
    assert len(steps) > 10
    assert [step.waits for step in steps] == [0] * len(steps)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_token_step_of_other_families_waits(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, processor = tiny(family)
    install(model)
    rows = questions() if family != "qwen3" else questions().remove_columns("image")
    its = [question_of(model, processor, row) for row in rows]
    steps = counted(monkeypatch)
    written(sampler(model, settings(model), Room(), 1), groups(model, its, 1))
    assert steps
    assert not any(step.waits for step in steps)


def test_a_step_launches_less_than_transformers_own(
    asked: tuple[PreTrainedModel, list[Question]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted for docs/benchmarks.md."""
    model, its = asked
    plain = load_model(Path(model.config._name_or_path), "float32")
    first = its[0]
    inputs = {"input_ids": first.input_ids[None].repeat(4, 1), "attention_mask": torch.ones(4, len(first.input_ids))}
    inputs |= {name: value[None].repeat(4, 1) for name, value in first.types.items()}
    inputs |= {name: value.repeat(4, 1) for name, value in first.images.items()}
    totals = []
    for tokens in (4, 8):
        with Launches() as launches:
            plain.generate(**inputs, do_sample=False, max_new_tokens=tokens, min_new_tokens=tokens, pad_token_id=0)
        totals.append((launches.launched, launches.waits))
    theirs, their_waits = ((b - a) / 4 for a, b in zip(*totals, strict=True))
    steps = counted(monkeypatch)
    decoder = Decoder(model, lambda rows, fixed: Lines(rows, MOST, fixed), Choice((), MOST), Room(rows=4), 4, 4096)
    written(decoder, singles(its[:1], 4))
    ours = steps[4].launched
    print(f"launches of a token step: ours {ours}, generate {theirs:.0f}, which waits {their_waits:.0f} times")
    assert their_waits > 0
    assert ours < theirs


# Shapes and memory that stay


@pytest.mark.parametrize("kind", ["greedy", "groups"])
def test_with_fixed_shapes_and_a_late_look_the_same_is_written(
    asked: tuple[PreTrainedModel, list[Question]], kind: str
) -> None:
    model, its = asked
    found = []
    for as_on_a_gpu in (False, True):
        if kind == "greedy":
            decoder, cohorts = greedy(model, Room(rows=4)), singles(its)
        else:
            decoder, cohorts = sampler(model, settings(model), Room(rows=24), 4, log_probs=True), groups(model, its)
        found.append(written(fixed(decoder) if as_on_a_gpu else decoder, cohorts))
    assert found[0] == found[1]
    assert len({len(row) for row in found[0]}) > 2
    assert isinstance(decoder.recorder, Steps)
    assert decoder.recorder.replays > 10


# Those that come later


def test_cohorts_say_the_same_together_and_alone(asked: tuple[PreTrainedModel, list[Question]]) -> None:
    model, its = asked
    alone = [written(sampler(model, settings(model), Room(), 1), [cohort]) for cohort in groups(model, its)]
    for rows, together in ((12, 1), (24, 512), (30, 512)):
        decoder = sampler(model, settings(model), Room(rows=rows), 3, together)
        assert written(decoder, groups(model, its)) == [row for cohort in alone for row in cohort]


def test_a_seeded_cohort_says_what_the_sampler_says_after_the_seed(
    asked: tuple[PreTrainedModel, list[Question]],
) -> None:
    model, its = asked
    rows = [question for question in its for _ in range(4)]
    torch.manual_seed(1)
    expected = [row.tokens for row in rollout(model, rows, settings(model))]
    assert written(sampler(model, settings(model), Room(), 1), [Cohort.of(rows, Luck(model.device, 1))]) == expected


@pytest.mark.parametrize("penalty", [1.0, 1.4])
def test_a_cohort_that_is_larger_than_the_room_is_cut(
    asked: tuple[PreTrainedModel, list[Question]], penalty: float
) -> None:
    model, its = asked
    given = settings(model, repetition_penalty=penalty)
    [whole] = groups(model, its, 1)
    [parts] = groups(model, its, 1)
    expected = written(sampler(model, given, Room(), 1), [whole])
    assert written(sampler(model, given, Room(rows=5), 1), [parts]) == expected


def test_chances_that_are_no_numbers_are_told(asked: tuple[PreTrainedModel, list[Question]]) -> None:
    model, its = asked
    with torch.no_grad():
        model.get_output_embeddings().weight.fill_(float("nan"))
    with pytest.raises(RuntimeError, match="probability tensor contains"):
        rollout(model, its, settings(model))


@pytest.mark.parametrize(
    ("rows", "gone", "come", "order"),
    [
        (3, set(), 0, [0, 1, 2]),
        (3, {1}, 1, [0, 3, 2]),
        (5, {0, 1, 4}, 1, [5, 3, 2]),
        (5, {1, 3}, 0, [0, 4, 2]),
        (2, {0}, 3, [2, 1, 3, 4]),
        (0, set(), 2, [0, 1]),
        (2, {0, 1}, 0, []),
    ],
)
def test_places_that_are_free_are_taken_and_closed(rows: int, gone: set[int], come: int, order: list[int]) -> None:
    assert caches.refilled(rows, gone, come) == order


def test_rows_that_outlive_a_longer_prompt_see_their_own_alone() -> None:
    keys, values = (torch.randn(2, 2, 7, 4, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    rule = Rule(SharedPrompts(new=4), causal_mask_function, False, torch.device("cpu"))

    def attended(lengths: list[int], gone: set[int]) -> Tensor:
        cache = SharedPrompts(new=4)
        first = 2 - len(lengths)
        sides = ([[side[first + i, :, :n] for i, n in enumerate(lengths)]] for side in (keys, values))
        cache.reseat(set(), Prefilled(lengths, *sides), range(len(lengths)))
        cache.reseat(gone, None, [])
        cache.make_room()
        cache.begin()
        one = torch.ones(1, 2, 1, 4)
        return cache.attend(Layer(0, rule, None), one, one, one, scale=0.5)

    torch.testing.assert_close(attended([7, 3], gone={0}), attended([3], gone=set()))


def test_luck_draws_what_multinomial_draws() -> None:
    chances = torch.rand(7, 300, generator=torch.Generator().manual_seed(0)).softmax(-1)
    torch.manual_seed(3)
    theirs = torch.multinomial(chances, 1)[:, 0]
    after: Tensor = torch.get_rng_state()
    torch.manual_seed(3)
    assert (chances / Luck(torch.device("cpu")).draw(7, 300)).argmax(-1).equal(theirs)
    assert torch.get_rng_state().equal(after)
