"""The API: ONNXModel's types, and the CustomResourceDefinition generated from them."""
