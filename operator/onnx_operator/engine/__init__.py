"""The engine: queue, workers and full lists, with the one reconcile that they run."""
