"""Explanations: gates, attention, permutation importance, Shapley values, integrated gradients, and their checks."""

from tidegate.explain.explanation import Case, Explanation, explain
from tidegate.explain.inputs import Explainable, Inputs, Layout

__all__ = ["Case", "Explainable", "Explanation", "Inputs", "Layout", "explain"]
