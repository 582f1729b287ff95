"""How many prompts, completions and tokens the jobs of a study process.

What can't be known before the data is there is assumed on the large side: every image fills its `max_pixels`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from visualzero.config import Dataset, Evaluate, Grpo, Local, Mixture, Sft, Source, Study, ToySpace
from visualzero.errors import UserError
from visualzero.layout import Layout, seeds_of
from visualzero.planning.architecture import Architecture, architecture_of, checkpoint
from visualzero.planning.prompts import reasons, text_tokens
from visualzero.prompts import Options

ANSWER_TOKENS = 8  # of a bare answer, such as "(A) left"
REASONING_SHARE = 0.3  # of grpo.max_completion: 210 of the paper's 700, whose Figure 1 shows 100 to 300
# Questions of the public benchmarks; rows of SAT that a policy keeps, at most.
QUESTIONS = {"cvbench": 2638, "blink": 267, "vsr": 2195}
SAT_ROWS = {"first_15000": 15000, "static": 127405, "balanced_2400": 2400}


@dataclass(frozen=True)
class Lengths:
    """Tokens of one sample: of its image, of the prompt's text, of the completion on average and at most."""

    visual: int
    text: int
    mean: int
    cap: int

    @property
    def prompt(self) -> int:
        """Tokens of the prompt."""
        return self.visual + self.text


@dataclass(frozen=True)
class Training:
    """The runs of a trained arm, all alike: one for each seed."""

    arm: str
    seeds: list[int]
    recipe: Sft | Grpo
    frozen: list[str]
    model: Architecture
    lengths: Lengths

    @property
    def grpo(self) -> Grpo | None:
        """The recipe, where it samples rollouts."""
        return self.recipe if isinstance(self.recipe, Grpo) else None

    @property
    def group(self) -> int:
        """Completions per prompt."""
        return self.grpo.group_size if self.grpo else 1

    @property
    def sharers(self) -> int:
        """Completions of a group for which the image and the prompt are computed once, when a batch is scored."""
        return self.group if self.grpo and self.grpo.sharing else 1

    @property
    def update_sharers(self) -> int:
        """The same in an update, whose micro-batches may be smaller than a group."""
        return min(self.sharers, self.recipe.micro_batch_on(1))

    @property
    def looks_once(self) -> bool:
        """Whether a step computes an image in its rollout alone: its tower is frozen, and what it made is kept."""
        lora = self.recipe.lora
        frozen = "vision" in self.frozen if lora is None else not set(lora.targets) & self.model.vision.adapters.keys()
        return frozen and self.sharers > 1 and self.update_sharers == self.sharers

    @property
    def iterations(self) -> int:
        """Optimizer steps that a batch of prompts serves."""
        return self.grpo.iterations if self.grpo else 1

    @property
    def old_passes(self) -> int:
        """Passes over a batch by the policy that wrote it: for its log-probabilities, and with images masked (PAPO)."""
        if self.grpo is None:
            return 0
        return int(self.grpo.engine == "vllm" or self._scored_again) + int(self.grpo.perception is not None)

    @property
    def _scored_again(self) -> bool:
        """Whether a batch of several steps is scored by the policy that wrote it: not where the sampler's will do."""
        if self.grpo is None or self.iterations == 1:
            return False
        return not (self.grpo.sharing and (self.recipe.dtype == "float32" or self.grpo.ratio == "token"))

    @property
    def rounds(self) -> int:
        """Batches of prompts of a run."""
        return -(-self.recipe.steps // self.iterations)

    @property
    def prompts(self) -> int:
        """Prompts that a run is shown."""
        return self.rounds * self.recipe.batch_size

    @property
    def completions(self) -> int:
        """Completions of these prompts, sampled or (SFT) given."""
        return self.prompts * self.group


@dataclass(frozen=True)
class Evaluation:
    """An arm's answers to a benchmark, or to its control questions of one kind, once for each seed."""

    arm: str
    benchmark: str
    control: str | None
    seeds: list[int | str]
    settings: Evaluate
    questions: int
    model: Architecture
    lengths: Lengths


def trainings(study: Study, layout: Layout, reasoning: int) -> list[Training]:
    """The trained arms of a study. `reasoning` is how many tokens a completion that reasons has on average."""
    found = []
    for arm in study.trained_arms():
        spec, recipe = study.arm(arm), study.recipe(arm)
        mean = cap = ANSWER_TOKENS
        if isinstance(recipe, Grpo) or spec.trajectories:
            cap = recipe.max_completion if isinstance(recipe, Grpo) else study.grpo.max_completion
            mean = mean_tokens(spec.prompt, cap, reasoning)
        model, lengths = _sizes(study, layout, arm, spec.prompt, study.data.train_options, mean, cap)
        found.append(Training(arm, list(study.seeds), recipe, list(spec.freeze), model, lengths))
    return found


def evaluations(study: Study, layout: Layout, reasoning: int) -> list[Evaluation]:
    """Every arm's answers to every benchmark, and to control questions where the study asks for them."""
    counts = {name: question_count(b.source, layout.questions(name)) for name, b in study.data.benchmarks.items()}
    found = []
    for arm, spec in study.arms.items():
        settings, style = study.evaluation(arm), spec.asked_with
        cap = settings.max_new_tokens
        mean = mean_tokens(style, cap, reasoning)
        controls = [control for control, asked in study.controls if arm in asked]
        for name, benchmark in study.data.benchmarks.items():
            model, lengths = _sizes(study, layout, arm, style, benchmark.options, mean, cap)
            for control in [None, *controls]:
                shown = replace(lengths, visual=0) if control == "no_image" else lengths
                seeds = seeds_of(study, arm)
                found.append(Evaluation(arm, name, control, seeds, settings, counts[name], model, shown))
    return found


def question_count(source: Source, table: Path) -> int:
    """How many questions a source has: of its table if that is made, else by its config; of SAT at most so many.

    Raises:
        UserError: if neither says it, as of a data set without `n`.
    """
    if table.is_file():
        import pyarrow.parquet as pq

        return int(pq.read_metadata(table).num_rows)
    if isinstance(source, ToySpace):
        return source.n
    if isinstance(source, Local):
        from visualzero.data.local import read_local

        return sum(1 for _ in read_local(Path(source.path), Path(source.images) if source.images else None))
    if source.kind == "sat":
        return min(SAT_ROWS[source.policy], source.n or SAT_ROWS[source.policy])
    if isinstance(source, Mixture):
        return source.n
    if isinstance(source, Dataset):
        if source.n is None:
            raise UserError(
                f"{source.name}: how many questions it has is known once its table is made: run `snakemake data`, or"
                " set n of the source"
            )
        return source.n
    return QUESTIONS[source.kind]


def mean_tokens(style: str, cap: int, reasoning: int) -> int:
    """Tokens of a completion on average: `reasoning` if the prompt asks for thought, else those of a bare answer."""
    return min(reasoning if reasons(style) else ANSWER_TOKENS, cap)


def _sizes(
    study: Study, layout: Layout, arm: str, style: str, options: Options, mean: int, cap: int
) -> tuple[Architecture, Lengths]:
    source, fetched = study.source(arm), layout.model(study.origin(arm))
    model = architecture_of(source, fetched)
    visual = model.visual_tokens(source.max_pixels)
    text = text_tokens(style, options, checkpoint(source, fetched) / "tokenizer.json", model.family)
    return model, Lengths(visual, text, mean, cap)
