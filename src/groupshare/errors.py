"""What sharing refuses, rather than compute something else in silence."""


class SharingError(ValueError):
    """A model or a setting with which a group's work can't be shared exactly; `args[0]` says which.

    What sharing refuses, TRL's own trainer may take.
    """

    def __str__(self) -> str:
        return f"group sharing: {self.args[0]}: TRL's own trainer may take it"


class RowError(RuntimeError):
    """A row of the data set that no question can be made of; it says which, and why."""
