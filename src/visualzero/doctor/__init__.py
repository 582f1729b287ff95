"""`visualzero doctor`: is this machine, or this login node and its cluster, ready for the study? Nothing is submitted.

Each check looks at one thing and says what it saw, or what is wrong and what would help. The few that decide whether
anything can be submitted at all (`blockers`) are also made by the workflow itself, before it does anything else.
"""
