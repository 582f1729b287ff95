"""What the thoughts in responses are like: how long, how varied, whether they reflect, whether the answer follows.

Pure functions over scored responses; `analysis.analyse` gives every number, docs/reasoning.md says how to read them.
"""
