"""Running an artifact with numpy alone."""

from tidegate.runtime.predictor import Predictor, SeriesForecast

__all__ = ["Predictor", "SeriesForecast"]
