"""From a plan to manifests: one pure module an object, and ``manifests`` that lists them in order of writing."""
