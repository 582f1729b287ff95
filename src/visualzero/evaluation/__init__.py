"""Evaluation: greedy responses, the option each one chooses, and statistics of the scores."""
