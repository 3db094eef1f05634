"""Running a trained model with numpy alone: `load(path)`, whatever its task."""

from tidegate.runtime.model import Model, Stream, load

__all__ = ["Model", "Stream", "load"]
