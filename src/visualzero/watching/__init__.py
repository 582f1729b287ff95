"""Watching: what runs are doing, from the files that they write; nothing here talks to a trainer."""
