"""The operator's speed, frugality and repair, measured from outside against a real API server.

    python -m benchmarks.operator [--only NAME ...] [--sizes 100,1000,5000] [--write docs/benchmarks.md]

etcd, API server, controller manager and scheduler are real; the node and the pods are played by KWOK, the pods' control
port by a stand-in. The operator is the real process.
"""
