"""A trained model in forms that need no tidegate: an ONNX graph, a C header; each checked against the runtime."""
