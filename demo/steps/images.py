"""The images."""

from ..scene import Scene


def run(scene: Scene) -> None:
    """Build the operator's and the server's image and bring them to the cluster."""
    scene.images = scene.place.images(scene.narrator, scene.shell)
