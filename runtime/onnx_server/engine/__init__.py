"""ONNX Runtime: threads, execution providers, the session, its warm-up, and the queue before it."""
