"""The Open Inference Protocol (v2) as bytes: decoding requests and encoding responses. Knows no model runtime."""
