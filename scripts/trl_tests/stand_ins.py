"""Write the models and data sets that TRL's tests ask the hub for; `scripts/trl_tests` calls it.

    stand_ins.py FOLDER

FOLDER/small and FOLDER/large hold them under the hub's names, so that a test finds them from either. In `large` the
vocabularies of Qwen's are as large as the checkpoints', and data sets have few rows, since a step takes seconds; all
else there is a link.
"""

import json
import sys
from pathlib import Path
from typing import Any

import image_models
import rows
import text_models
from plugin import leave_out_videos
from transformers.utils import is_torchvision_available

REMOTE = """from transformers import LlamaConfig, LlamaForCausalLM


class RemoteConfig(LlamaConfig):
    model_type = "remote"


class RemoteForCausalLM(LlamaForCausalLM):
    config_class = RemoteConfig
"""


ORGANIZATION = "trl-internal-testing"
LARGE = {  # models whose tokens tests know by their ids
    *("Qwen2ForCausalLM-2.5", "Qwen3ForCausalLM", "Qwen3MoeForCausalLM"),
    "Qwen3_5ForConditionalGeneration-NoThink",
}


def main() -> None:
    """All of them."""
    small, large = (Path(sys.argv[1]).resolve() / size / ORGANIZATION for size in ("small", "large"))
    if not is_torchvision_available():
        leave_out_videos()
    rows.write(small)
    rows.write(large, few=True)
    for models in (text_models, image_models):
        for name in models.MODELS:
            _save(models.make(name, large=False), small / f"tiny-{name}")
            if name in LARGE:
                _save(models.make(name, large=True), large / f"tiny-{name}")
    _give_code_of_its_own(small / "tiny-RemoteForCausalLM")
    for made in small.iterdir():
        if not (large / made.name).exists():
            (large / made.name).symlink_to(made)


def _save(made: tuple[Any, Any], folder: Path) -> None:
    """Model, and tokenizer or processor."""
    for part in made:
        part.save_pretrained(folder)


def _give_code_of_its_own(model: Path) -> None:
    """A Llama that can't be loaded without `trust_remote_code`."""
    (model / "remote.py").write_text(REMOTE)
    path = model / "config.json"
    classes = {"AutoConfig": "remote.RemoteConfig", "AutoModelForCausalLM": "remote.RemoteForCausalLM"}
    own = {"model_type": "remote", "architectures": ["RemoteForCausalLM"], "auto_map": classes}
    path.write_text(json.dumps(json.loads(path.read_text()) | own))


if __name__ == "__main__":
    main()
