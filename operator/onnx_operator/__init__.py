"""The operator: turns ONNXModels into Kubernetes objects and reports what it sees."""

__version__ = "0.1.0"
