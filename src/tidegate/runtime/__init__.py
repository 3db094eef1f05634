"""Running an artifact with numpy alone."""

from tidegate.runtime.forecast.predictor import Predictor, SeriesForecast

__all__ = ["Predictor", "SeriesForecast"]
