"""Decoding without a host in the loop: for rollouts, for greedy evaluation and for sampled answers.

Many rows are decoded together, a token each in a step. A step asks the device nothing and copies nothing to it. Every
few tokens the host looks at what was drawn; rows that are over leave, and those that wait take their places. On a GPU
what it looks at was drawn a while ago, so that the device never waits for the host, and a step is recorded once as a
CUDA graph and replayed.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import torch
from torch import Tensor
from transformers import PreTrainedModel

from groupshare.attention import streaming
from groupshare.caches import Prefilled, Rows
from groupshare.choosing import Choice
from groupshare.cohorts import Cohort, Room, Row
from groupshare.heads import head_of
from groupshare.looks import Looks
from groupshare.prefill import prefill
from groupshare.questions import as_rope_takes, groups_of
from groupshare.recording import Recorder

OF_ROWS = {"token", "position", "seen"}  # what goes along when rows change places
LEAVING = 0.125  # share of the rows that are over before they leave together, or make room, since that copies
COMING = 4  # rows that come at a time, or half of all places: a pass over prompts costs as much as some steps
NOT_A_CHANCE = "probability tensor contains either `inf`, `nan` or element < 0"  # torch.multinomial's words


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
    ):
        self.model, self.choice, self.room = model, choice, room
        self.stride, self.prompts_together, self.enough = stride, prompts_together, enough
        self.make_cache = cache
        self.device = model.device
        # The model's own forward does nothing else for text, and takes as long as a small layer.
        self.decoder, self.embed, self.head = model.get_decoder(), model.get_input_embeddings(), head_of(model)
        self.ends = frozenset(choice.ends)
        self.late = int(self.device.type == "cuda")  # looks that the host is behind
        self.recorder = Recorder() if self.device.type == "cuda" else None
        self.capacity: int | None = None
        self.waiting: deque[Cohort] = deque()  # those that were looked at
        self.over: list[Row] = []
        self.rows: list[Row] = []
        self.cohort_of: dict[Row, Cohort] = {}
        self.segments: list[tuple[Cohort, Tensor | None]] = []
        self.cache: Rows | None = None
        self.made = 0  # how often the cache had taken memory when steps were recorded
        self.state: dict[str, Tensor] = {}  # of each row, in memory that stays where it is
        self.looks = Looks(self.device)

    def write(self, cohorts: Iterator[Cohort]) -> Iterator[Row]:
        """Each row as soon as it is known to be over, with the token that ended it if it came to its end."""
        while True:
            with torch.no_grad():
                while newcomers := self._look(cohorts):
                    self._admit(newcomers)
                self._steps()
            done, self.over = self.over, []
            yield from done
            if not (self.rows or self.waiting or self.looks.sent or done):
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
        self.looks.send()
        gone = self._gone()
        while self.looks.sent and (len(self.looks.sent) > self.late or len(gone) == len(self.rows)):
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
            wanted = max(LEAVING * self.capacity, min(COMING, self.capacity / 2))
            if there and not found and free < wanted:
                break
            if len(cohort.rows) > free:
                if there or found:
                    break
                if cohort.luck is None or cohort.luck.seed is not None:  # else its numbers are drawn in one go
                    self.waiting.extendleft(reversed(self.waiting.popleft().parts(free)))
            found.append(self.waiting.popleft())
        return found

    def _ahead(self, cohorts: Iterator[Cohort]) -> bool:
        if not self.waiting:
            self.waiting.extend([one] if (one := next(cohorts, None)) else [])
        return bool(self.waiting)

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
            state["seen"] = self.choice.seen(cohorts, self.words).to(self.device)
        noise = self._noise(self._segments(rows))
        state["token"], said, log_probs = self.choice.of(logits, state.get("seen"), noise)
        if "seen" in state:
            state["seen"].scatter_(1, state["token"][:, None], True)
        ends = torch.stack([question.positions.max() + 1 for question, _ in groups]).to(self.device)
        state["position"] = ends[torch.tensor(owners, device=self.device)]
        for row in rows:
            row.drawn = 1
        self.looks.note(rows, said, log_probs)
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
        self.looks.note(self.rows, self.state["said"][:rows].clone(), log_probs)

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
        chosen, said, log_probs = self.choice.of(self.head(hidden[0]), seen, noise)
        position += 1
        token.copy_(chosen)
        self._keep("said", said)
        if seen is not None:
            seen.scatter_(1, chosen[:, None], True)
        if log_probs is not None:
            self._keep("log_prob", log_probs)

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

    def _receive(self) -> None:
        """See what the rows that were sent first have said."""
        rows, said, log_probs = self.looks.receive()
        for row, token, log_prob in zip(rows, said, log_probs, strict=True):
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
