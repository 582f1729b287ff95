"""Answers that are no choice of a list: yes or no, a number, a short text; one file each.

An open question's kind says how its answer is judged: `yes_no`, `text`, `number` (the same value), `number 0.5` (at
most so far off), `number 5%` (at most this share of the right one). A file `judge`s a response, from its opening tag
on, against the right answer. What is read is the text that `strict` reads (`sections.py`), and as there nothing is
guessed: a text that gives two answers, and announces neither, has given none.
"""
