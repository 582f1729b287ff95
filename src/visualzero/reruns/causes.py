"""Changes of what a job is made from, in words."""

from visualzero.fingerprint import Parts

UNKNOWN = "what it is made from changed"


def changes(before: Parts | None, after: Parts) -> list[str]:
    """What differs, each in a few words, such as `reward term format changed`; `before` is None if nobody knows."""
    if before is None:
        return [UNKNOWN]
    found = [_words(key, before.get(key), after.get(key)) for key in sorted({*before, *after})]
    told = list(dict.fromkeys(words for words in found if words))
    return [words for words in told if not _follows(words, told)] or told


def _words(key: str, before: str | None, after: str | None) -> str | None:
    if before == after:
        return None
    kind, name = key.split(" ", 1)
    if kind == "setting" and name.startswith("reward."):
        return _changed(f"weight of reward term {name.removeprefix('reward.')}", before, after, values=True)
    if kind == "setting":
        return _changed(name, before, after, values=True)
    return _changed(_named(kind, name), before, after)


def _named(kind: str, name: str) -> str:
    """What people call a part."""
    folder, _, file = name.rpartition("/")
    stem = file.rpartition(".")[0]
    if kind == "rule":
        return f"command of rule {name}"
    if folder == "rewards" and stem != "__init__":
        return f"reward term {stem}"
    if folder == "prompts" and file.endswith(".jinja"):
        return f"prompt {stem}"
    if folder == "envs":
        return f"software env {file}"
    return f"code {name}"


def _changed(what: str, before: str | None, after: str | None, values: bool = False) -> str:
    if before is None:
        return f"{what} {after} is new" if values else f"{what} is new"
    if after is None:
        return f"{what} is gone"
    return f"{what} {before} is now {after}" if values else f"{what} changed"


def _follows(words: str, told: list[str]) -> bool:
    """Whether a term's file came or went only because its weight did."""
    for end in (" is new", " is gone"):
        if words.startswith("reward term ") and words.endswith(end):
            return any(other.startswith(f"weight of {words.removesuffix(end)} ") for other in told)
    return False
