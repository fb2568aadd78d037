"""The Open Inference Protocol over gRPC: messages, their translation, and the service on top of http2/."""
