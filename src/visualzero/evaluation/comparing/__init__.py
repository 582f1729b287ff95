"""Comparing: two arms or two files item by item, the planned comparisons, and what may be claimed of them."""
