"""Exports: results in the forms of other tools."""
