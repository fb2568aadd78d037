"""The plugin ``kubectl onnx``: how a rollout goes, in pictures, and the words that steer it."""
