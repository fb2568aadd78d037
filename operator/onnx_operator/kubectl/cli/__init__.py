"""The command line ``kubectl onnx``."""
