"""The one error that a user of the study is meant to see."""


class UserError(Exception):
    """Bad input, told as ``what: where: how to fix``; the command line prints it as ``error: ...`` and exits 1."""
