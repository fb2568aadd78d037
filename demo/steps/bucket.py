"""A bucket with version 1."""

from ..scene import Scene


def run(scene: Scene) -> None:
    """Put version 1 into the bucket."""
    scene.store = scene.place.store(scene.narrator)
    model = scene.models[1]
    uri = scene.store.put(1, model.path)
    scene.narrator.good(f"{model.path.name} is at {uri}")
