"""Evaluation, in the order in which data flows through it.

answering/    questions become responses
reading/      responses become the options they choose: the parser, the scorers, scores
statistics/   scores become intervals and tests
reasoning/    what thoughts do
comparing/    two arms, item by item and in words
summary/      all of it for the whole study: summary.json
"""
