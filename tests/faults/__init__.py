"""A fault campaign: faults are injected into every stage of a small study, and each is followed by a plain rerun.

    make faults                                    the whole campaign, at least 200 faults
    make faults FAULTS='--seed 7 --faults 40'      a part of it, with another seed

A fault is right if the rerun gives the bytes of a study that nothing has disturbed; or if one line says what is wrong,
and what it asks for gives these bytes; or, for an input that can't be used, if one line says so and nothing is written.
Everything else is a defect: other bytes, a traceback, a result that is gone for good, half-written files, a hang.

study.py       the small study, its stages, and what two results have in common
process.py     a stage in a process of its own, with a limit on file sizes or an end at its n-th file operation
damage.py      ways to damage a file
cases.py       the faults of a campaign, by stage, from a seed
hostile.py     inputs that can't be used
campaign.py    injecting one, running again, judging
__main__.py    the command
"""
