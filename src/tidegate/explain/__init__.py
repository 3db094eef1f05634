"""Explanations: gates, attention, permutation importance, Shapley values, integrated gradients, and their checks."""

from tidegate.explain.explanation import Explanation, explain
from tidegate.explain.inputs import Answer, Case, Explainable, Inputs, Layout, Recording

__all__ = ["Answer", "Case", "Explainable", "Explanation", "Inputs", "Layout", "Recording", "explain"]
