"""The server's speed beside raw ONNX Runtime and beside other servers, measured from outside on one core.

    python -m benchmarks.server [--quick] [--only MODEL ...] [--servers ours,kserve,...] [--write docs/benchmarks.md]

Servers and load tools are real and unmodified. A server has one core, the load tool the other, and both figures of a
ratio come from the same round of the same run.
"""
