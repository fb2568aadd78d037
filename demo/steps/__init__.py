"""The demo's steps: one module each, one function `run(scene)` in it. `story.py` puts them in order."""
