"""Cues of self-reflection against hand-labeled sentences, as thoughts about images have them."""

import pytest

from growth import growth
from visualzero.evaluation.reasoning.cues import CUES, count_cues, count_keywords, find_cues

# Labeled by hand: does the writer stop, doubt or check again?
REFLECTS = [
    "Wait, the red cube is partly hidden.",
    "The chair is on the left. Wait. That is the mirror image.",
    "There are two cats. But wait! I can think of something else.",
    "So it must be the desk... wait, no, the desk is behind it.",
    "No wait, there is another lamp in the corner.",
    "wait a minute, the shadow falls the other way",
    "Wait \u2013 the blue box is the table, not the sofa.",
    "The answer is left\nWait, I mixed up the two objects.",
    "Oh wait, it asks about the bottle.",
    "I count three birds, but wait, one of them is a kite.",
    "**Wait**, the question asks for the farther one.",
    "Hmm, that does not look right.",
    "It could be four. Hmm. Or five.",
    "hm, the plate covers part of the cup",
    "Let me re-check the number of chairs.",
    "I should recheck the left side.",
    "After rechecking, there are three of them.",
    "Let's rethink this step by step.",
    "I need to re-think the order of the boxes.",
    "I have to reconsider, since the lamp is in front of the door.",
    "Reconsidering the perspective, the car is closer.",
    "Let me re-evaluate the distance between them.",
    "A re-evaluation of the positions gives above.",
    "We re-examine the picture and find a second dog.",
    "Upon re-examining the image, I see one more.",
    "I reassessed the depth and it is the chair.",
    "Reanalyzing the scene, the truck is behind the bus.",
    "Let me recount: one, two, three, four.",
    "Let me check again.",
    "Check again: the box is blue.",
    "I'll look at the image again.",
    "Let me look again at the upper shelf.",
    "Let\u2019s count them again.",
    "That gives two. Think again, there is one behind the tree.",
    "I will try again from the left.",
    "I should probably count the books again.",
    "Let me verify the count again.",
    "I'd better look at it again.",
    "Double-check: the red box is the pillow.",
    "I double checked and it is still two.",
    "Let me check whether there is another cat.",
    "Let me verify: left of the table is the plant.",
    "Let us go over the steps once more.",
    "On second thought, the stove is nearer.",
    "Upon closer inspection, the object is a toy.",
    "Hold on, the camera is above the scene.",
    "Hold on a second. The bus is parked.",
    "I made a mistake, the chair is on the right.",
    "Sorry, my mistake: it is three.",
    "Aha, the second one is hidden behind the vase.",
    "Looking once more, I see that I was wrong about the lamp.",
    "Actually, that is not right; the cup is nearer.",
]
DOES_NOT = [
    "A waiter carries two plates to the table.",
    "People are waiting for the bus.",
    "The waiting room has four chairs.",
    "The wait staff stands behind the counter.",
    "He waits at the crosswalk next to the car.",
    "Two men wait at the stop, the bus is closer.",
    "Several people sit and wait.",
    "The passengers wait in line near the gate.",
    "The dog seems to wait for its owner.",
    "The sign reads \"WAIT\" in white letters.",
    "The signal says \"Wait\" and the car has stopped.",
    "Wait times are shown on the screen.",
    "They stop, wait, and then cross the street.",
    "It is worth the wait.",
    "Pedestrians must wait to cross.",
    "Wait for the light is written on the pole.",
    "There is a waitress on the left.",
    "The wait-list is on the wall.",
    "The skater will try again after the fall.",
    "The man wants to check again if the door is locked.",
    "The same cup appears again on the right.",
    "Once again the chair is closer.",
    "The teacher rechecks the papers on the desk.",
    "A poster says \"Try again\" next to the machine.",
    "The woman holds on to the rail.",
    "The children hold on to the rope.",
    "The guard checks the tickets near the gate.",
    "There is a check pattern on the shirt.",
    "I check the left side first and see a lamp.",
    "The red cube is closer to the camera than the ball.",
    "To determine the number of items, we count each object.",
    "First, locate the red box and the blue box.",
    "The reconstruction of the church is behind the trees.",
    "The ham on the plate is next to the egg.",
    "It was seen again and again in the mirror.",
    "The record is 3 and the recorded count is 4.",
    "On the second shelf there is a vase.",
    "The correct answer is (B) right.",
]  # fmt: skip


def test_cues_agree_with_labels_by_hand():
    found = [(sentence, count_cues(sentence) > 0) for sentence in REFLECTS + DOES_NOT]
    wrongly = [sentence for sentence, cue in found if cue and sentence in DOES_NOT]
    missed = [sentence for sentence, cue in found if not cue and sentence in REFLECTS]
    hits = len(REFLECTS) - len(missed)
    assert hits / (hits + len(wrongly)) >= 0.95, wrongly
    assert hits / len(REFLECTS) >= 0.9, missed


def test_every_cue_of_the_list_is_found_by_its_name():
    found = {cue.name for sentence in REFLECTS for cue in find_cues(sentence)}
    assert found == set(CUES)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hmm, wait. Let me re-check. Wait, no.", ["hmm", "wait", "re-verb", "wait"]),
        ("Let me check the image again.", ["again"]),
        ("Wait, wait, wait.", ["wait", "wait", "wait"]),
        ("", []),
    ],
)
def test_cues_are_counted_in_order_and_each_once(text, names):
    assert [cue.name for cue in find_cues(text)] == names
    assert count_cues(text) == len(names)


def test_the_papers_keywords_are_counted_without_regard_to_what_they_mean():
    assert count_keywords("Aha! Possibly they wait, yet I checked and verify.") == 6
    assert count_keywords("The waiter is impossible; recheck.") == 0
    assert count_cues("They wait; it is possible.") == 0


def test_ten_times_as_long_a_degenerate_thought_takes_about_ten_times_as_long():
    pieces = ("\n", " ", ". ", "wait ", "wait,\n", "let me ", "I should ", "look at it ", "on ", "re-", "\u2019")
    assert growth(lambda repeats: [count_cues(piece * repeats) for piece in pieces], 300, 3000) < 40
