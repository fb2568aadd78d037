"""How a candidate's outputs compare with this pod's own: sums over copied requests, in bounded memory.

`comparisons.Comparisons` is the door. docs/analysis.md says what the numbers mean and argues the rules.
"""
