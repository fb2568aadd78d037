"""A slim server for ONNX models: ONNX Runtime behind the Open Inference Protocol."""

__version__ = "0.1.0"
