"""PAPO's masked images: which patches are black, and what the policy says of them."""

from typing import Any

import pytest
import torch
from PIL import Image

from groupshare.questions import COLUMN, Question
from training_runs import MakeRun, make_run, trainer_of
from visualzero.errors import UserError

pytestmark = pytest.mark.usefixtures("one_thread")
__all__ = ["make_run"]  # the fixture


def made(make_run: MakeRun, **perception: float) -> Any:
    """The trainer of base-papo."""
    return trainer_of(make_run("base-papo", "run=losses", f"arms.base-papo.grpo.perception={perception}"))


def rows(trainer: Any) -> list[dict[str, Any]]:
    """Those of its first batch."""
    return next(iter(trainer.get_train_dataloader()))


def test_some_patches_are_black_and_the_others_as_they_were(make_run: MakeRun) -> None:
    trainer = made(make_run)
    question = rows(trainer)[0][COLUMN]
    black = trainer.processing_class.image_processor([Image.new("RGB", (112, 112))])["pixel_values"]
    patches, hidden = question.images["pixel_values"], 0
    for seed in range(20):
        shown = trainer._masked(question, torch.Generator().manual_seed(seed)).images["pixel_values"]
        masked = (shown != patches).any(dim=1)
        torch.testing.assert_close(shown[masked], torch.as_tensor(black)[:1].expand_as(shown[masked]))
        hidden += int(masked.sum())
    assert hidden / (20 * len(patches)) == pytest.approx(0.6, abs=0.05)
    assert trainer._masked(question, torch.Generator()).input_ids is question.input_ids


def test_masks_follow_from_the_step_so_that_a_run_that_is_resumed_draws_the_same(make_run: MakeRun) -> None:
    trainer = made(make_run)
    batch = trainer._generate_and_score_completions(rows(trainer))
    masked = batch["masked_per_token_logps"]
    assert masked.shape == batch["completion_ids"].shape
    assert torch.equal(trainer._log_probs_of_masked_images(batch), masked)
    trainer.state.global_step = 1
    assert not torch.equal(trainer._log_probs_of_masked_images(batch), masked)


def test_wholly_masked_images_say_what_black_pictures_say(make_run: MakeRun) -> None:
    trainer = made(make_run, masked=1.0)
    given = rows(trainer)
    batch = trainer._generate_and_score_completions(given)
    black: dict[int, Question] = {}
    for row in given:
        picture = Image.new("RGB", row["image"].size)
        black.setdefault(id(row[COLUMN]), trainer._preparer(row | {"image": picture}))
    questions = trainer._placed([black[id(row[COLUMN])] for row in given])
    ids, mask = (torch.cat([batch[f"prompt_{x}"], batch[f"completion_{x}"]], dim=1) for x in ("ids", "mask"))
    with torch.no_grad(), trainer._rows_at_hand(questions):
        keep = batch["completion_ids"].shape[1]
        expected = trainer._get_per_token_logps_and_entropies(trainer.model, ids, mask, keep)[0]
    torch.testing.assert_close(batch["masked_per_token_logps"], expected)


def test_images_that_are_not_rows_of_patches_are_told(make_run: MakeRun) -> None:
    trainer = made(make_run)
    question = Question(torch.zeros(3), images={"pixel_values": torch.zeros(1, 3, 8, 8)})
    with pytest.raises(UserError, match=r"grpo\.perception: .* set perception to null"):
        trainer._masked(question, torch.Generator())
