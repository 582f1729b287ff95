"""Answering: what a model is asked, by which engine, in which batches, and what it says."""
