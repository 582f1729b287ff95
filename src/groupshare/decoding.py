"""Decoding without a host in the loop: for rollouts, for greedy evaluation and for sampled answers.

Many rows are decoded together, a token each in a step. A step asks the device nothing and copies nothing to it. Every
few tokens the host looks at what was drawn; rows that are over leave, and those that wait take their places. On a GPU
what it looks at was drawn a while ago, so that the device never waits for the host, and a step is recorded once as a
CUDA graph and replayed.
"""

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessorList, PreTrainedModel

from groupshare.attention import Prompts, streaming
from groupshare.caches import Prefilled, Rows
from groupshare.questions import Question, as_rope_takes, groups_of, joined
from groupshare.recording import Recorder

logger = logging.getLogger(__name__)

OF_ROWS = {"token", "position", "seen"}  # what goes along when rows change places
LEAVING = 0.125  # share of the rows that are over before they leave together, since that copies
NOT_A_CHANCE = "probability tensor contains either `inf`, `nan` or element < 0"  # torch.multinomial's words


class Luck:
    """Random numbers as `generate` draws them: in every step for all rows, whether they have ended or not.

    Without a seed they are the device's own, and `rewind` puts back what was drawn after the last row's end.
    """

    def __init__(self, device: torch.device, seed: int | None = None):
        self.device, self.seed = device, seed
        self.generator = None if seed is None else torch.Generator(device).manual_seed(seed)
        self.noise: Tensor | None = None
        self.states: list[Tensor] = []  # after each draw, where draws may be taken back

    def draw(self, rows: int, words: int) -> Tensor:
        """Exponential numbers `[rows, words]`: p / q is largest at a token with the chance p, as in multinomial."""
        if self.noise is None:
            self.noise = torch.empty(rows, words, dtype=torch.float32, device=self.device)
        self.noise.exponential_(generator=self.generator)
        if self.seed is None and self.device.type == "cuda":
            self.states.append(torch.cuda.get_rng_state(self.device))
        return self.noise

    def rewind(self, draws: int) -> None:
        """Let the device's random numbers go on as if so many draws had been made; on a CPU there are no more."""
        if self.states:
            torch.cuda.set_rng_state(self.states[draws - 1], self.device)

    def again(self) -> "Luck":
        """The same numbers from the start."""
        assert self.seed is not None
        return Luck(self.device, self.seed)


@dataclass(eq=False)
class Row:
    """A completion on its way; `number` is its place in what its cohort draws."""

    question: Question
    number: int = 0
    tokens: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    drawn: int = 0  # tokens, those among them that nobody has looked at
    over: bool = False


@dataclass(eq=False)
class Cohort:
    """Rows that begin together; those of a group stand together and hold the same question.

    Without `luck` the most likely tokens are taken. `total` rows share the luck, even if some of them are elsewhere.
    """

    rows: list[Row]
    luck: Luck | None
    total: int
    width: int  # tokens of the longest prompt of all of them

    @classmethod
    def of(cls, questions: Sequence[Question], luck: Luck | None = None) -> "Cohort":
        """A row for each question."""
        rows = [Row(question, number) for number, question in enumerate(questions)]
        return cls(rows, luck, len(rows), max(len(question.input_ids) for question in questions))

    @property
    def over(self) -> bool:
        """Whether all rows are."""
        return all(row.over for row in self.rows)

    def again(self, rows: list[Row] | None = None) -> "Cohort":
        """The rows that are not over (or of `rows`), from their start; they will say the same."""
        rows = [row for row in (self.rows if rows is None else rows) if not row.over]
        for row in rows:
            row.tokens, row.log_probs, row.drawn = [], [], 0
        return Cohort(rows, self.luck.again() if self.luck else None, self.total, self.width)


@dataclass(frozen=True)
class Choice:
    """How tokens are chosen of logits.

    Logits of tokens that stand in a row's prompt or completion are divided by `penalty` (multiplied with, below 0), as
    in CTRL (arXiv 1909.05858); `processors` come after. `padding` is penalized too in rows whose prompt is shorter than
    the longest of their cohort, as it is by transformers. `temperature` is that of the log-probabilities, if wanted.
    """

    ends: Collection[int]
    most: int  # tokens at which a row is cut off
    penalty: float = 1.0
    processors: LogitsProcessorList = field(default_factory=LogitsProcessorList)
    padding: int | None = None
    temperature: float | None = None


@dataclass(frozen=True)
class Room:
    """How many rows there may be at a time, and how many tokens of prompts and completions in them; None: any.

    Of rows that tokens allow a power of two is taken, so that nearly as many tokens give as many rows.
    """

    rows: int | None = None
    tokens: int | None = None

    def takes(self, cohort: Cohort, most: int) -> int:
        """Rows like those of a cohort that fit, at least one."""
        groups = groups_of([row.question for row in cohort.rows])
        each = most + cohort.width * len(groups) / len(cohort.rows)
        limits = [limit for limit in (self.rows, power_of_two(self.tokens / each) if self.tokens else None) if limit]
        return min(limits, default=len(cohort.rows))


def power_of_two(limit: float) -> int:
    """The largest one below a limit, at least 1."""
    return 1 << max(int(limit), 1).bit_length() - 1


class Decoder:
    """Decodes cohorts of rows with `model`, which `attention.install` has seen.

    Args:
        model: on its device.
        cache: makes what holds keys and values for so many rows, and keeps to fixed shapes if told to.
        choice: how a token is chosen, and when a row is over.
        room: how many rows are decoded at a time.
        stride: tokens from one look at what was drawn to the next.
        prompts_together: tokens of prompts in a pass, at most; a prompt goes through whole.
        enough: whether a row, with at most `stride` new tokens, need not go on.
        elastic: whether there may be fewer rows after an out-of-memory error, which begin again.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        cache: Callable[[int, bool], Rows],
        choice: Choice,
        room: Room,
        stride: int = 1,
        prompts_together: int = 1,
        enough: Callable[[Sequence[int]], bool] | None = None,
        elastic: bool = False,
    ):
        self.model, self.choice, self.room = model, choice, room
        self.stride, self.prompts_together, self.enough, self.elastic = stride, prompts_together, enough, elastic
        self.make_cache = cache
        self.device = model.device
        # The model's own forward does nothing else for text, and takes as long as a small layer.
        self.decoder, self.embed, self.head = model.get_decoder(), model.get_input_embeddings(), head_of(model)
        self.ends = frozenset(choice.ends)
        self.late = int(self.device.type == "cuda")  # looks that the host is behind
        self.recorder = Recorder() if self.device.type == "cuda" else None
        self.capacity: int | None = None
        self.waiting: deque[Cohort] = deque()  # those that were looked at, or have to begin again
        self.over: list[Row] = []
        self._clear()

    def _clear(self) -> None:
        """Nobody is there."""
        self.rows: list[Row] = []
        self.cohort_of: dict[Row, Cohort] = {}
        self.segments: list[tuple[Cohort, Tensor | None]] = []
        self.cache: Rows | None = None
        self.made = 0  # how often the cache had taken memory when steps were recorded
        self.state: dict[str, Tensor] = {}  # of each row, in memory that stays where it is
        self.drawn: list[tuple[list[Row], Tensor, Tensor | None]] = []
        self.sent: deque[tuple[list[Row], Tensor, Tensor | None, Any]] = deque()
        if self.recorder:
            self.recorder.forget()

    def write(self, cohorts: Iterator[Cohort]) -> Iterator[Row]:
        """Each row as soon as it is known to be over, with the token that ended it if it came to its end."""
        while True:
            newcomers: list[Cohort] = []
            try:
                with torch.no_grad():
                    while newcomers := self._look(cohorts):
                        self._admit(newcomers)
                    self._steps()
            except torch.OutOfMemoryError:
                if not self._shrink(newcomers):
                    raise
            done, self.over = self.over, []
            yield from done
            if not (self.rows or self.waiting or self.sent or done):
                return

    def _steps(self) -> None:
        """Decode until the next look."""
        for _ in range(self.stride):
            if all(row.drawn >= self.choice.most for row in self.rows):
                return
            self._step()

    # Who is there

    def _look(self, cohorts: Iterator[Cohort]) -> list[Cohort]:
        """See what was drawn, let rows leave if that pays, and say who may come."""
        self._send()
        gone = self._gone()
        while self.sent and (len(self.sent) > self.late or len(gone) == len(self.rows)):
            self._receive()
            gone = self._gone()
        newcomers = self._fitting(len(self.rows) - len(gone), cohorts)
        leaving = 0.5 if self.recorder else LEAVING  # a step is recorded for so many rows
        if not newcomers and gone and len(gone) >= leaving * len(self.rows):
            self._reseat(gone, [], None, {})
        return newcomers

    def _gone(self) -> set[int]:
        return {i for i, row in enumerate(self.rows) if row.over or row.drawn >= self.choice.most}

    def _fitting(self, there: int, cohorts: Iterator[Cohort]) -> list[Cohort]:
        """Cohorts that come now, where there are so many rows that go on."""
        found: list[Cohort] = []
        while self._ahead(cohorts):
            cohort = self.waiting[0]
            if self.capacity is None:
                self.capacity = self.room.takes(cohort, self.choice.most)
            free = self.capacity - there - sum(len(one.rows) for one in found)
            if there and not found and free < LEAVING * self.capacity:
                break
            if len(cohort.rows) > free:
                if there or found:
                    break
                if cohort.luck is None or cohort.luck.seed is not None:  # else its numbers are drawn in one go
                    self.waiting.popleft()
                    parts = [cohort.rows[i : i + free] for i in range(0, len(cohort.rows), free)]
                    self.waiting.extendleft(cohort.again(part) for part in reversed(parts))
                    cohort = self.waiting[0]
            found.append(self.waiting.popleft())
        return found

    def _ahead(self, cohorts: Iterator[Cohort]) -> bool:
        if not self.waiting:
            self.waiting.extend([one] if (one := next(cohorts, None)) else [])
        return bool(self.waiting)

    def _shrink(self, newcomers: Sequence[Cohort]) -> bool:
        """After an out-of-memory error: go on with fewer rows, if possible. Those that are not over begin again."""
        cohorts = list(dict.fromkeys([*(self.cohort_of[row] for row in self.rows), *newcomers]))
        most = min(self.capacity or 0, sum(len(cohort.rows) for cohort in cohorts))
        if not self.elastic or most < 2:
            return False
        while self.sent:
            self._receive()
        self.waiting.extendleft(cohort.again() for cohort in reversed(cohorts) if not cohort.over)
        self.capacity, self.prompts_together = most // 2, self.prompts_together // 2
        logger.warning("decoding: too little memory; from here on %d rows at a time", self.capacity)
        self._clear()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return True

    def _admit(self, cohorts: Sequence[Cohort]) -> None:
        """Compute the prompts of those that come, draw their first tokens, and give them the places that are free."""
        rows = [row for cohort in cohorts for row in cohort.rows]
        groups = groups_of([row.question for row in rows])
        logits, prompts = prefill(self.model, [question for question, _ in groups], self.prompts_together)
        owners = [i for i, (_, members) in enumerate(groups) for _ in members]
        self.words = logits.shape[1]
        logits = logits[torch.tensor(owners, device=self.device)]
        if self.cache is None:
            assert self.capacity is not None
            self.cache = self.make_cache(max(self.capacity, len(rows)), self.recorder is not None)
        for cohort in cohorts:
            self.cohort_of |= dict.fromkeys(cohort.rows, cohort)
        state: dict[str, Tensor] = {}
        if self.choice.penalty != 1.0:
            state["seen"] = self._seen(cohorts)
        noise = self._noise(self._segments(rows))
        state["token"], said, log_probs = self._choose(logits, state.get("seen"), noise)
        if "seen" in state:
            state["seen"].scatter_(1, state["token"][:, None], True)
        ends = torch.stack([question.positions.max() + 1 for question, _ in groups]).to(self.device)
        state["position"] = ends[torch.tensor(owners, device=self.device)]
        for row in rows:
            row.drawn = 1
        self.drawn.append((rows, said, log_probs))
        self._reseat(self._gone(), rows, (prompts, owners), state)

    def _reseat(
        self,
        gone: set[int],
        newcomers: list[Row],
        computed: tuple[Prefilled, list[int]] | None,
        state: dict[str, Tensor],
    ) -> None:
        """Let rows leave and come, in the cache and in all else that is kept of each."""
        assert self.cache is not None
        order = self.cache.reseat(gone, *(computed or (None, [])))
        before, everybody = len(self.rows), [*self.rows, *newcomers]
        self.rows = [everybody[i] for i in order]
        self.cohort_of = {row: self.cohort_of[row] for row in self.rows}
        self.segments = self._segments(self.rows)
        places = torch.tensor(order, dtype=torch.long, device=self.device)
        for name in OF_ROWS & (self.state.keys() | state.keys()):
            parts = [self.state[name][:before]] if name in self.state else []
            parts += [state[name]] if name in state else []
            self._keep(name, torch.cat(parts)[places])

    def _keep(self, name: str, values: Tensor) -> None:
        """Put the values of all rows where those of this name are kept."""
        if name not in self.state or len(self.state[name]) < len(values):
            size = max(len(values), self.capacity or 0)
            self.state[name] = values.new_zeros(size, *values.shape[1:])
            if self.recorder:
                self.recorder.forget()
        self.state[name][: len(values)] = values

    def _segments(self, rows: Sequence[Row]) -> list[tuple[Cohort, Tensor | None]]:
        """Which of a cohort's random numbers are whose: neighbours of a cohort, and their numbers in it; None: all."""
        if not rows or self.cohort_of[rows[0]].luck is None:
            return []
        found: list[tuple[Cohort, Tensor | None]] = []
        for _, run in groupby(rows, key=lambda row: id(self.cohort_of[row])):
            members = list(run)
            cohort, numbers = self.cohort_of[members[0]], [row.number for row in members]
            whole = numbers == list(range(cohort.total))
            found.append((cohort, None if whole else torch.tensor(numbers, device=self.device)))
        assert len({id(cohort) for cohort, _ in found}) == len(found), "a cohort is drawn for once in a step"
        return found

    def _seen(self, cohorts: Sequence[Cohort]) -> Tensor:
        """Which tokens stand in each newcomer's prompt `[rows, words]`."""
        seen = torch.zeros(sum(len(cohort.rows) for cohort in cohorts), self.words, dtype=torch.bool)
        at = 0
        for cohort in cohorts:
            for row in cohort.rows:
                ids = row.question.input_ids
                seen[at, ids.cpu()] = True
                if self.choice.padding is not None and len(ids) < cohort.width:
                    seen[at, self.choice.padding] = True
                at += 1
        return seen.to(self.device)

    # A token of each row

    def _step(self) -> None:
        """A token more for each row. Nothing here waits for the device."""
        assert self.cache is not None
        self.cache.make_room()
        noise = self._noise(self.segments)
        if noise is not None and self.recorder:
            self._keep("noise", noise)
            noise = self.state["noise"]
        rows = len(self.rows)

        def step() -> None:
            self._compute(rows, None if noise is None else noise[:rows])

        if self.recorder:
            if self.made != self.cache.made:
                self.made = self.cache.made
                self.recorder.forget()
            self.recorder.run((rows, self.cache.reach), step)
        else:
            step()
        self.cache.count()
        for row in self.rows:
            row.drawn += 1
        log_probs = self.state["log_prob"][:rows].clone() if "log_prob" in self.state else None
        self.drawn.append((self.rows, self.state["said"][:rows].clone(), log_probs))

    def _compute(self, rows: int, noise: Tensor | None) -> None:
        """A step on the device alone, from and to memory that stays where it is."""
        assert self.cache is not None
        token, position = self.state["token"][:rows], self.state["position"][:rows]
        self.cache.begin()
        axes = len(self.rows[0].question.positions)
        # Where positions have one axis, transformers would look among them for packed rows, and wait for the device.
        mask = {} if axes > 1 else {"attention_mask": torch.ones(1, rows, dtype=torch.bool, device=self.device)}
        with streaming(self.cache):
            hidden = self.decoder(
                inputs_embeds=self.embed(token)[None],
                position_ids=as_rope_takes(position.expand(axes, -1)),
                use_cache=False,
                **mask,
            ).last_hidden_state
        self.cache.end()
        seen = self.state["seen"][:rows] if "seen" in self.state else None
        chosen, said, log_probs = self._choose(self.head(hidden[0]), seen, noise)
        position += 1
        token.copy_(chosen)
        self._keep("said", said)
        if seen is not None:
            seen.scatter_(1, chosen[:, None], True)
        if log_probs is not None:
            self._keep("log_prob", log_probs)

    def _choose(
        self, logits: Tensor, seen: Tensor | None, noise: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """A token for each row of logits `[M, V]`; what is told of it (-1 where chances are no numbers); its chance."""
        logits = plain = logits.float()
        if seen is not None:
            penalty = self.choice.penalty
            logits = logits.where(~seen, torch.where(logits < 0, logits * penalty, logits / penalty))
        for processor in self.choice.processors:
            logits = processor(None, logits)
        if noise is None:
            said = token = logits.argmax(-1)
        else:
            chances = logits.softmax(dim=-1).to(noise.dtype)
            token = (chances / noise).argmax(-1)
            said = token.masked_fill(chances[:, 0].isnan(), -1)
        log_probs = None
        if self.choice.temperature is not None:
            plain = plain / self.choice.temperature
            log_probs = plain.gather(1, token[:, None]).squeeze(1) - plain.logsumexp(-1)
        return token, said, log_probs

    def _noise(self, segments: Sequence[tuple[Cohort, Tensor | None]]) -> Tensor | None:
        parts = []
        for cohort, numbers in segments:
            assert cohort.luck is not None
            noise = cohort.luck.draw(cohort.total, self.words)
            parts.append(noise if numbers is None else noise[numbers])
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    # What was drawn

    def _send(self) -> None:
        """Send what was drawn since the last look to the host; on a GPU nobody waits for it here."""
        if not self.drawn:
            return
        rows = list(chain.from_iterable(rows for rows, _, _ in self.drawn))
        said = torch.cat([said for _, said, _ in self.drawn])
        logs = [log_probs for _, _, log_probs in self.drawn if log_probs is not None]
        log_probs = torch.cat(logs) if logs else None
        self.drawn, event = [], None
        if self.device.type == "cuda":
            said, log_probs = _to_host(said), None if log_probs is None else _to_host(log_probs)
            event = torch.cuda.Event()
            event.record()
        self.sent.append((rows, said, log_probs, event))

    def _receive(self) -> None:
        """See what the oldest rows that were sent have said."""
        rows, said, log_probs, event = self.sent.popleft()
        if event is not None:
            event.synchronize()
        logs = [0.0] * len(rows) if log_probs is None else log_probs.tolist()
        for row, token, log_prob in zip(rows, said.tolist(), logs, strict=True):
            if row.over:
                continue
            if token < 0:
                raise RuntimeError(NOT_A_CHANCE)
            row.tokens.append(token)
            row.log_probs.append(log_prob)
            if token in self.ends or len(row.tokens) == self.choice.most:
                self._ended(row)
        if self.enough:
            for row in dict.fromkeys(rows):
                if not row.over and self.enough(row.tokens):
                    self._ended(row)

    def _ended(self, row: Row) -> None:
        row.over = True
        self.over.append(row)


def _to_host(values: Tensor) -> Tensor:
    return torch.empty(values.shape, dtype=values.dtype, pin_memory=True).copy_(values, non_blocking=True)


@torch.no_grad()
def prefill(model: PreTrainedModel, prompts: Sequence[Question], together: int) -> tuple[Tensor, Prefilled]:
    """Logits `[N, V]` after each of N prompts, and their keys and values; a pass has at most `together` tokens.

    A prompt that is longer has a pass to itself.
    """
    passes: list[list[Question]] = []
    left = 0
    for question in prompts:
        if len(question.input_ids) > left:
            passes.append([])
            left = together
        passes[-1].append(question)
        left -= len(question.input_ids)
    logits, streams = [], []
    for some in passes:
        made, stream = _pass(model, some)
        logits.append(made)
        streams.append(stream)
    layers = range(len(streams[0].keys))
    keys, values = (
        [[x[0] for stream in sides for x in stream[layer]] for layer in layers]
        for sides in ([stream.keys for stream in streams], [stream.values for stream in streams])
    )
    return torch.cat(logits), Prefilled([len(question.input_ids) for question in prompts], keys, values)


def _pass(model: PreTrainedModel, questions: Sequence[Question]) -> tuple[Tensor, Prompts]:
    """Prompts side by side in one stream."""
    device = model.device
    lengths = [len(question.input_ids) for question in questions]
    stream = Prompts(lengths)
    keep: Any = 1 if len(lengths) == 1 else torch.tensor(lengths, device=device).cumsum(0) - 1
    types: dict[str, Tensor] = {}
    for name in questions[0].types:
        types[name] = torch.cat([question.types[name] for question in questions])[None].to(device)
    images = joined([question.images for question in questions])
    positions = torch.cat([question.positions for question in questions], dim=1)
    with streaming(stream):
        output = model(
            input_ids=torch.cat([question.input_ids for question in questions])[None].to(device),
            position_ids=as_rope_takes(positions.to(device)),
            use_cache=False,
            logits_to_keep=keep,
            **types,
            **{name: value.to(device) for name, value in images.items()},
        )
    return output.logits[0], stream


def head_of(model: PreTrainedModel) -> Callable[[Tensor], Tensor]:
    """What makes logits of hidden states `[N, D]`, with what some families do to them."""
    project, text = model.get_output_embeddings(), model.config.get_text_config()
    scale, cap = getattr(text, "logit_scale", None), getattr(text, "final_logit_softcapping", None)

    def logits(hidden: Tensor) -> Tensor:
        out: Tensor = project(hidden)
        out = out if scale is None else out * scale
        return out if cap is None else torch.tanh(out / cap) * cap

    return logits
