"""The report: one self-contained page that says how good a run is, and its charts."""

from tidegate.report.chart import Chart
from tidegate.report.describe import describe
from tidegate.report.page import render
from tidegate.report.view import Interval, Residuals, RunView, Sample, Strip
from tidegate.report.write import write_report

__all__ = ["Chart", "Interval", "Residuals", "RunView", "Sample", "Strip", "describe", "render", "write_report"]
