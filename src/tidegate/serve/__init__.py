"""Trained models over HTTP and WebSocket, and in pipes: on `runtime.Model` alone, without torch."""
