"""Moving a share of the requests to another revision's pods: which, to whom, and what if they do not answer.

Decisions (`dice`, `sticky`, `breaker`, `latencies`, `balance`, `split`) are pure; docs/contract.md says what they mean.
"""
