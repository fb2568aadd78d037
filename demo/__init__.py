"""The demo: the product's main job, end to end, on a real cluster, told in the terminal.

`python -m demo` runs it and leaves the cluster up; `python -m demo down` ends what it started beside the cluster.
`story.py` is the table of contents; `steps/` has one module a step.
"""
