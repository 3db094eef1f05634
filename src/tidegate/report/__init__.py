"""The report: one self-contained page that says how good a run is, and its charts."""

from tidegate.report.detect.page import report_alarms
from tidegate.report.forecast.describe import describe
from tidegate.report.forecast.page import render
from tidegate.report.forecast.view import Interval, Residuals, RunView, Sample, Strip
from tidegate.report.label.describe import describe_sequences
from tidegate.report.label.page import report_labels
from tidegate.report.label.view import Alarm, DetectionView, LabelledView, WatchedSeries
from tidegate.report.page.write import write_report
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
    "report_alarms",
    "report_labels",
    "write_report",
]
