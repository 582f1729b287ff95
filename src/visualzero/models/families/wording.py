"""The words of a family of models in which the prompt styles are written: what begins and ends a turn, and an image."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Wording:
    """Parts of the chat templates in `visualzero/prompts`, which are in Qwen2-VL's words, and what to write instead."""

    begin: str = ""
    image: str = "<|vision_start|><|image_pad|><|vision_end|>"
    system: str = (
        '{%- if loop.first and message.role != "system" -%}'
        '{{- "<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n" -}}{%- endif -%}'
    )
    turn: str = '{{- "<|im_start|>" + message.role + "\\n" -}}'
    end_of_turn: str = '{{- "<|im_end|>\\n" -}}'
    reply: str = '{{- "<|im_start|>assistant\\n" -}}'
    end: str = '{{- "<|endoftext|>" -}}'

    def of(self, template: str) -> str:
        """A template of Qwen2-VL's words in these."""
        for part in fields(self):
            if part.default:
                template = template.replace(str(part.default), getattr(self, part.name))
        return self.begin + template


QWEN = Wording()
