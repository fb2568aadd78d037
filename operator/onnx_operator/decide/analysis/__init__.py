"""The statistics of judging a candidate: pure functions of what stable pods have seen. docs/analysis.md explains them.

All tests are anytime-valid: they may be looked at every second and stay within their share of the error budget, since
each is an e-process, i.e. bounded by a nonnegative martingale that starts at 1 as long as the candidate is within its
tolerance, and such a one reaches 1 / error with probability ``error`` at most, however often one looks (Ville, Étude
critique de la notion de collectif, 1939; Ramdas, Grünwald, Vovk, Shafer, Game-theoretic statistics and safe
anytime-valid inference, Statistical Science 2023).
"""
