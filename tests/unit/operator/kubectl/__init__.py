"""Tests of the plugin kubectl onnx, and of what GitOps tools make of an ONNXModel."""
