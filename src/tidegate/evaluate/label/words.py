"""Names of baselines and metrics as a reader sees them."""

from __future__ import annotations

import re

from tidegate.core.translate import Language, language, tr

_TOUCHING = re.compile(r"(?<=[\u4e00-\u9fff])(?=[0-9A-Za-z])|(?<=[0-9A-Za-z])(?=[\u4e00-\u9fff])")

_LABELS = {
    "model": "model",
    "majority": "most frequent class",
    "logistic_summary": "logistic regression on summary statistics",
    "logistic_step": "logistic regression on the step itself",
    "nearest": "nearest training sequence",
    "nearest_warped": "nearest training sequence under time warping",
    "bag_of_words": "bag of words with logistic regression",
    "mean": "training mean",
    "median": "training median",
    "ridge_summary": "ridge regression on summary statistics",
    "ridge_step": "ridge regression on the step itself",
    "ridge_words": "bag of words with ridge regression",
}
_METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "precision_macro": "macro precision",
    "recall_macro": "macro recall",
    "f1_macro": "macro F1",
    "precision_micro": "micro precision",
    "recall_micro": "micro recall",
    "f1_micro": "micro F1",
    "precision_weighted": "weighted precision",
    "recall_weighted": "weighted recall",
    "f1_weighted": "weighted F1",
    "f1_samples": "F1 per sequence",
    "exact": "all labels right",
    "hamming": "wrong decisions",
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "ECE",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
    "median_ae": "median error",
    "bias": "bias",
    "cmapss": "C-MAPSS score",
}


def label(method: str, lang: Language | None = None) -> str:
    """A method's name for people; names of the reader's own stay as they are."""
    return tr(_LABELS[method], lang) if method in _LABELS else method


def metric_name(metric: str, lang: Language | None = None) -> str:
    """A metric's name for people."""
    return tr(_METRICS[metric], lang) if metric in _METRICS else metric


def spaced(text: str, lang: Language | None = None) -> str:
    """A Chinese sentence with a space between its characters and Latin words that were filled in."""
    return _TOUCHING.sub(" ", text) if (lang or language()) == "zh_TW" else text
