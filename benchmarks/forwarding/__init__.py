"""What it costs to forward requests: a pod under a split, beside the same pod without one."""
