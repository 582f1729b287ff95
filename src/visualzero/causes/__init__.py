"""What is measured to explain the scores, where the config asks for it (docs/causes.md).

chosen.py           which questions are asked more about
drawing.py          a model's samples of answers to them, the prompt and its image computed once for all of a question's
sample.py           the stage that draws an arm's
gathering.py        its shards in one file, and the manifest beside it
reading.py          the stage that has every scorer read them
thoughts.py         an arm's altered thoughts, made of its responses
continuing.py       a model's answers from these
certainty.py        how sure it is of its next token where it begins to reconsider
intervene.py        the stage that draws them, and joins its shards
reading_altered.py  the stage that reads them
"""
