"""A cluster."""

import os
import shlex

from ..scene import Scene


def run(scene: Scene) -> None:
    """Bring the cluster up, and show how to reach it from another terminal."""
    scene.place.up(scene.narrator, scene.shell)
    if exports := environment_lines(scene):
        scene.narrator.say("To use kubectl and helm as the demo does, in another terminal:")
        scene.narrator.lines(exports)


def environment_lines(scene: Scene) -> list[str]:
    """Return the lines to paste into a shell so that the commands shown work there."""
    given = dict(scene.place.environment())
    lines = []
    if config := given.get("KUBECONFIG"):
        lines.append(f"export KUBECONFIG={shlex.quote(config)}")
    ours = [folder for folder in given.get("PATH", "").split(os.pathsep) if folder not in _own_path()]
    return lines + [f"export PATH={shlex.quote(folder)}:$PATH" for folder in ours]


def _own_path() -> list[str]:
    return ["", *os.environ.get("PATH", "").split(os.pathsep)]
