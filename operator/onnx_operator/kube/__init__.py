"""The way to the API server: verbs on plain dicts, typed errors, and the comparison of wanted with live objects."""
