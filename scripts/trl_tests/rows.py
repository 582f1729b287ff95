"""The data sets that TRL's tests load, by name, configuration and columns.

Their prompts begin lines of the Zen of Python, since a test compares them; images are noise.
"""

import codecs
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
from datasets import Dataset, Features, Image, List, Value
from PIL import Image as Pillow

WORDS = (4, 2, 3, 1, 4, 3, 1, 4, 3, 3, 2, 6, 5, 9)  # of each line
TRAIN = 12  # rows to train on: a test counts on two batches of six; the others are the test split's
FEW = 1  # row to train on where a step takes seconds
CONVERSATION = List({"role": Value("string"), "content": Value("string")})
CARD = """---
configs:
{configs}---
"""


def sentences() -> list[str]:
    """One for each row: the first words of a line."""
    with redirect_stdout(StringIO()):
        import this
    lines = codecs.decode(this.s, "rot13").splitlines()[2:]
    return [" ".join(line.split()[:count]) for line, count in zip(lines, WORDS, strict=False)]


def pictures(per_row: list[int]) -> list[list[Pillow.Image]]:
    """For each row so many images of noise, with sides of 32 to 63 pixels."""
    draw = np.random.default_rng(0)

    def picture() -> Pillow.Image:
        height, width = draw.integers(32, 64, size=2)
        return Pillow.fromarray(draw.integers(0, 256, size=(height, width, 3), dtype=np.uint8))

    return [[picture() for _ in range(count)] for count in per_row]


def write(folder: Path, few: bool = False) -> None:
    """All of them under `folder`, as the hub lays out data sets; with `few` rows to train on if asked for."""
    train = FEW if few else TRAIN
    texts = sentences()
    plain = Dataset.from_dict({"prompt": texts})
    asked: list[list[dict[str, object]]] = [[{"role": "user", "content": text}] for text in texts]
    conversations = Dataset.from_dict({"prompt": asked}, features=Features(prompt=CONVERSATION))
    _save(folder / "zen", {"standard_prompt_only": plain, "conversational_prompt_only": conversations}, train)

    one = [images[0] for images in pictures([1] * len(texts))]
    with_image = Dataset.from_dict(
        {"prompt": asked, "image": one}, features=Features(prompt=CONVERSATION, image=Image())
    )
    _save(folder / "zen-image", {"conversational_prompt_only": with_image}, train)

    counts = [(1, 2, 0, 3)[i % 4] for i in range(len(texts))]
    parts = List({"type": Value("string"), "text": Value("string")})
    several = [
        [{"role": "user", "content": [{"type": "image", "text": None}] * count + [{"type": "text", "text": text}]}]
        for count, text in zip(counts, texts, strict=True)
    ]
    with_images = Dataset.from_dict(
        {"prompt": several, "images": pictures(counts)},
        features=Features(prompt=List({"role": Value("string"), "content": parts}), images=List(Image())),
    )
    _save(folder / "zen-multi-image", {"conversational_prompt_only": with_images}, train)


def _save(folder: Path, configurations: dict[str, Dataset], train: int) -> None:
    listed = ""
    for name, rows in configurations.items():
        listed += f"- config_name: {name}\n  data_files:\n"
        for split, part in (("train", rows.select(range(train))), ("test", rows.select(range(TRAIN, len(rows))))):
            path = f"{name}/{split}-{len(part)}.parquet"  # by the path, datasets knows what it has in its cache
            (folder / name).mkdir(parents=True, exist_ok=True)
            part.to_parquet(folder / path)
            listed += f"  - split: {split}\n    path: {path}\n"
    (folder / "README.md").write_text(CARD.format(configs=listed))
