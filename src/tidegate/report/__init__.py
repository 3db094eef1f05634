"""The report: one self-contained page that says how good a run is, and its charts."""

from tidegate.report.detect.view import Alarm, DetectionView, WatchedSeries
from tidegate.report.forecast.view import Interval, Residuals, RunView, Sample, Strip
from tidegate.report.label.view import LabelledView
from tidegate.report.page.describe import describe, describe_sequences
from tidegate.report.run import render, report_run, view_of, write_report
from tidegate.report.svg.chart import Chart

__all__ = [
    "Alarm",
    "Chart",
    "DetectionView",
    "Interval",
    "LabelledView",
    "Residuals",
    "RunView",
    "Sample",
    "Strip",
    "WatchedSeries",
    "describe",
    "describe_sequences",
    "render",
    "report_run",
    "view_of",
    "write_report",
]
