"""Group relative policy optimization with TRL's GRPOTrainer, as the paper runs it.

For each prompt a group of G completions is sampled. A completion's reward is the weighted sum of the reward's terms,
its advantage is (reward - group mean) / group standard deviation, and the loss is the policy gradient plus beta times
the k3 estimate of the KL divergence from the initial model (arXiv 2402.03300). TRL's defaults differ from the paper's
in the loss type, beta and the KL's bias correction, so these are set here. The other policy gradients of the study
(GPG, Dr. GRPO, DAPO, GSPO, CISPO) are settings of the same trainer, and PAPO adds terms to it (perception.py). What the
completions of a group share is computed once (groupshare), unless `grpo.sharing` is off.
"""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import Dataset, Features, List, Value
from trl import GRPOConfig

from visualzero.config import Grpo
from visualzero.data.question import kind_of, read_questions
from visualzero.errors import UserError
from visualzero.models.families import family_in
from visualzero.models.processor import ImageProcessor, most_image_tokens
from visualzero.prompts import forced_prefix, question_text
from visualzero.rewards import pay, reward_terms
from visualzero.training.alarms import AlarmBell
from visualzero.training.altering import BLIND
from visualzero.training.callbacks import StepReport
from visualzero.training.checkpoints import LOGGED
from visualzero.training.pictures import Pictures
from visualzero.training.policy_trainer import PolicyTrainer, SharingPolicyTrainer
from visualzero.training.rollouts import rollout_names, rollout_table, text_of
from visualzero.training.run import Run, lora_config, prepare, train, trainer_arguments, write_parquet

QUESTION_TOKENS = 1024  # room that vLLM keeps for a prompt's text


def train_grpo(run: Run) -> None:
    """Train `run` and write its outputs, rollouts included."""
    recipe = run.study.recipe(run.arm_name)
    assert isinstance(recipe, Grpo)
    family = family_in(run.weights)
    if not family.any_size:
        check_family(recipe)
    model, processor, questions = prepare(run, recipe)
    assert run.arm.reward is not None
    weights = run.study.rewards[run.arm.reward].terms
    arguments = GRPOConfig(
        **trainer_arguments(run, recipe),
        num_generations=recipe.group_size,
        max_completion_length=recipe.max_completion,
        beta=recipe.beta,
        loss_type=recipe.loss,
        importance_sampling_level=recipe.ratio,
        epsilon=recipe.epsilon,
        epsilon_high=upper_end(recipe),
        mask_truncated_completions=recipe.mask_truncated,
        num_iterations=recipe.iterations,
        scale_rewards=recipe.scale_rewards,
        temperature=recipe.temperature,
        top_p=recipe.top_p,
        top_k=recipe.top_k,
        repetition_penalty=recipe.repetition_penalty,
        **(vllm_arguments(run, recipe, processor) if recipe.engine == "vllm" else {}),
        use_bias_correction_kl=False,
        reward_weights=list(weights.values()),
        log_completions=True,
        num_completions_to_print=0,
        remove_unused_columns=False,
    )
    kind: Callable[..., PolicyTrainer] = PolicyTrainer
    if recipe.sharing:
        kind = partial(SharingPolicyTrainer, tokens_per_pass=recipe.tokens_per_pass)
    if recipe.perception:
        from visualzero.training.perception import PerceptionTrainer

        kind = partial(PerceptionTrainer, tokens_per_pass=recipe.tokens_per_pass, perception=recipe.perception)
    trainer = kind(
        model=model,
        args=arguments,
        reward_funcs=[
            reward_function(
                term,
                forced_prefix(run.arm.prompt),
                log_ids=i == 0,
                max_tokens=recipe.max_completion,
                seed=run.seed,
            )
            for i, term in enumerate(weights)
        ],
        train_dataset=_dataset(run, questions),
        processing_class=processor if family.sees else processor.tokenizer,
        callbacks=[StepReport(run.name, recipe.steps), AlarmBell(run.name, recipe.alarms)],
        peft_config=lora_config(recipe),
        resample=recipe.resample,
    )
    train(run, recipe, trainer, finish=lambda last, out: collect_rollouts(last / LOGGED, out, weights))


def check_family(recipe: Grpo) -> None:
    """Check that a recipe asks for nothing that only families with images of any size can do.

    Raises:
        UserError: for vLLM, whose images would be other ones, and for PAPO, which masks rows of patches.
    """
    if recipe.engine == "vllm":
        raise UserError("grpo.engine: vllm: this model's images are not Qwen's: set grpo.engine to transformers")
    if recipe.perception:
        raise UserError("grpo.perception: this model's images are not rows of patches: set perception to null")


def upper_end(recipe: Grpo) -> float | None:
    """TRL's `epsilon_high`. With CISPO it is itself the largest ratio; the recipe's always counts from 1."""
    if recipe.loss != "cispo":
        return recipe.epsilon_high
    return 1 + (recipe.epsilon if recipe.epsilon_high is None else recipe.epsilon_high)


def vllm_arguments(run: Run, recipe: Grpo, processor: ImageProcessor) -> dict[str, Any]:
    """What GRPOConfig needs to let vLLM sample, in the training processes and on their GPUs.

    Raises:
        UserError: if vLLM is not installed, or a question has several images.
    """
    if "n_images" in (questions := read_questions(run.questions, images=False)) and questions["n_images"].max() > 1:
        raise UserError("grpo.engine: vllm: questions have several images: set grpo.engine to transformers")
    if find_spec("vllm") is None:
        raise UserError(
            "grpo.engine: vllm: not installed here: run with the environment envs/train-vllm.yaml"
            " (snakemake --software-deployment-method conda), or set grpo.engine to transformers"
        )
    return {
        "use_vllm": True,
        "vllm_mode": "colocate",
        "vllm_gpu_memory_utilization": recipe.vllm_memory,
        "vllm_max_model_length": most_image_tokens(processor) + QUESTION_TOKENS + recipe.max_completion,
        # transformers' generation is kept from writing image tokens by TRL, vLLM isn't
        "generation_kwargs": {"logit_bias": {processor.image_token_id: -100.0}},
    }


def _dataset(run: Run, questions: pd.DataFrame) -> Dataset:
    """Columns prompt and image for TRL, the rest for the reward terms."""
    options = run.study.data.train_options
    rows = [
        {
            "prompt": [{"role": "user", "content": question_text(row.question, list(row.choices), options)}],
            "image": row.id,
            "question_id": row.id,
            "choices": list(row.choices),
            "answer_index": row.answer_index,
            "answer_kind": kind_of(row),
        }
        for row in questions.itertuples()
    ]
    features = Features(
        {
            "prompt": List({"role": Value("string"), "content": Value("string")}),
            "image": Value("string"),
            "question_id": Value("string"),
            "choices": List(Value("string")),
            "answer_index": Value("int64"),
            "answer_kind": Value("string"),
        }
    )
    pictures = Pictures(run.questions, blind=run.arm.altered == BLIND, none=not family_in(run.weights).sees)
    return Dataset.from_list(rows, features=features).with_transform(pictures)


def reward_function(
    term: str, prefix: str, log_ids: bool = False, max_tokens: int | None = None, seed: int = 0
) -> Callable[..., list[float]]:
    """A reward term in the form that TRL calls.

    `prefix` is what the prompt has already written of the completion, `max_tokens` the limit of its length, `seed` the
    run's. With `log_ids` the question ids go into TRL's table of completions; one term of a reward does that for all.
    """
    score = reward_terms()[term]

    def reward(
        completions: list[Any],
        completion_ids: list[list[int]],
        choices: list[list[str]],
        answer_index: list[int],
        answer_kind: list[str],
        question_id: list[str],
        log_extra: Callable[[str, list[str]], None],
        **kwargs: Any,
    ) -> list[float]:
        texts = [text_of(completion) for completion in completions]
        if log_ids:
            log_extra("id", question_id)
        step = kwargs["trainer_state"].global_step if "trainer_state" in kwargs else 0
        names = rollout_names(seed, step, question_id)
        rows = zip(texts, completion_ids, choices, answer_index, answer_kind, question_id, names, strict=True)
        return [
            pay(
                term,
                score,
                f"question {id_}",
                prefix + text,
                choices=options,
                answer_index=answer,
                n_tokens=len(ids),
                max_tokens=max_tokens,
                answer_kind=kind,
                rollout=name,
            )
            for text, ids, options, answer, kind, id_, name in rows
        ]

    reward.__name__ = term
    return reward


def collect_rollouts(folder: Path, out: Path, weights: dict[str, float]) -> None:
    """Join TRL's tables of completions, one per logged step, into `out/rollouts.parquet`."""
    tables = [pd.read_parquet(path) for path in sorted(folder.glob("completions_*.parquet"))]
    write_parquet(rollout_table(tables, weights), out / "rollouts.parquet")
