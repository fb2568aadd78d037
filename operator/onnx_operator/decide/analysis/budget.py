"""How often a whole rollout may take back a candidate that is within all tolerances: in 1 % of rollouts at most.

The probabilities add up (Boole's inequality), whatever the checks have in common. What is left of the 1 % is for the
check of memory.
"""

ERRORS = 0.006
COMPUTE = 0.001
WORK = 0.0005
OUTPUTS = 0.0015
HEALTH = 0.0005
