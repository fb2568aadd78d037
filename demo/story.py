"""The demo from beginning to end: the steps, in order."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from .narration import Narrator, duration
from .place import Place
from .scene import Scene
from .shell import Shell
from .steps import (
    bucket,
    cluster,
    farewell,
    images,
    inference,
    install,
    missing,
    permutation,
    repair,
    serve,
    training,
    upgrade,
)

STEPS: Final[tuple[tuple[str, Callable[[Scene], None]], ...]] = (
    ("A Kubernetes cluster", cluster.run),
    ("The two images", images.run),
    ("Three versions of a model", training.run),
    ("Version 1, in a bucket", bucket.run),
    ("The operator, by Helm", install.run),
    ("Serve version 1", serve.run),
    ("Ask it", inference.run),
    ("Somebody deletes the Deployment", repair.run),
    ("Somebody asks for a version that does not exist", missing.run),
    ("Version 2, while requests go on", upgrade.run),
    ("Version 3, whose labels are permuted", permutation.run),
    ("What to try next", farewell.run),
)


def tell(place: Place, narrator: Narrator, *, kill_operator: bool) -> None:
    """Play all of it; raise DemoError at the first thing that is not as it should be."""
    with ExitStack() as ending:
        shell = Shell(narrator, place.environment())
        scene = Scene(narrator, shell, place, ending, kill_operator=kill_operator)
        for title, step in STEPS:
            with narrator.step(title, len(STEPS)):
                step(scene)
    narrator.good(f"All of it in {duration(narrator.elapsed)}. The cluster stays up.")
