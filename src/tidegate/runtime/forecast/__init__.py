"""Forecasts with numpy alone: whole windows, and streams."""
