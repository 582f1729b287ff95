"""`python -m visualzero`."""

from visualzero.cli import run

run()
