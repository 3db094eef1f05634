"""The report: one self-contained page that says how good a run is, and its charts."""

from tidegate.report.alarms import report_alarms
from tidegate.report.chart import Chart
from tidegate.report.describe import describe
from tidegate.report.describe_sequences import describe_sequences
from tidegate.report.labelled import report_labels
from tidegate.report.labelled_view import Alarm, DetectionView, LabelledView, WatchedSeries
from tidegate.report.page import render
from tidegate.report.view import Interval, Residuals, RunView, Sample, Strip
from tidegate.report.write import write_report

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
