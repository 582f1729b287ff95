"""The summary: every number of the study, from its scores and responses."""
