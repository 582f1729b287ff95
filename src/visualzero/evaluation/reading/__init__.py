"""Reading: which option a response chooses, under each scorer, and whether that is right."""
