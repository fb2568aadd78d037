"""The models of this server: loading them, finding them by name and version, and taking them away."""
