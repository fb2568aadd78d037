"""Model files: where they come from, what they hash to, which of them is the model."""
