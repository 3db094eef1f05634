"""Explanations: gates, attention, permutation importance, Shapley values, integrated gradients, and their checks."""

from tidegate.explain.cases import Answer, Case, Recording
from tidegate.explain.explanation import Explanation, explain
from tidegate.explain.inputs import Explainable, Inputs, Layout

__all__ = ["Answer", "Case", "Explainable", "Explanation", "Inputs", "Layout", "Recording", "explain"]
