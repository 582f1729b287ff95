"""What lies beside a trained model's weights, so that anyone reads prompts and images as training did.

`AutoModelForImageTextToText`, `AutoTokenizer` and the family's PIL image processor load the folder as it is.
`AutoProcessor` does so where torchvision is installed; with trust_remote_code=True it does anywhere, and with exactly
our pixels (docs/models.md).
"""

import inspect
import json
import shutil
from pathlib import Path

from transformers import PreTrainedTokenizerBase
from transformers.processing_utils import ProcessorMixin

from visualzero.manifest import write_json
from visualzero.models.tokens import keep_whole


def save_processor(processor: ProcessorMixin | PreTrainedTokenizerBase, folder: Path) -> None:
    """Write the tokenizer, the prompt as chat_template.jinja, and how images are sized and normalized, to `folder`.

    Of a model of text, whose processor may be its tokenizer, there are no images.

    The tokenizer is written as it was loaded: that a batch was filled up in between leaves no trace in it.
    """
    tokenizer = processor.tokenizer if isinstance(processor, ProcessorMixin) else processor
    sees = hasattr(processor, "image_processor")
    keep_whole(tokenizer)
    if not sees:
        tokenizer._set_processor_class(None)  # AutoTokenizer reads all there is
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(str(processor.chat_template), encoding="utf-8")
    if not sees:
        return
    code = Path(inspect.getfile(type(processor)))
    shutil.copyfile(code, folder / code.name)
    theirs = next(kind for kind in type(processor).mro() if kind.__module__.startswith("transformers."))
    classes = {
        "processor_class": theirs.__name__,
        "auto_map": {"AutoProcessor": f"{code.stem}.{type(processor).__name__}"},
    }
    write_json(folder / "preprocessor_config.json", json.loads(processor.image_processor.to_json_string()) | classes)
