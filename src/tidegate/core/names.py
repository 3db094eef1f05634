"""Names of methods and metrics as a reader sees them: the only place where a baseline or a metric is named."""

from __future__ import annotations

from tidegate.core.translate import Language, tr

_METHODS = {
    "model": "model",
    "repeat_last": "repeat the last value",
    "seasonal_naive": "seasonal naive, {season} steps",
    "seasonal_mean": "seasonal mean, {season} steps",
    "seasonal_median": "seasonal median, {season} steps",
    "drift": "drift",
    "theta": "Theta method",
    "mean": "training mean",
    "median": "training median",
    "ridge": "ridge regression on the window",
    "ridge_known": "ridge regression with known-ahead inputs",
    "ridge_seasonal": "ridge regression on seasonal changes",
    "seasonal_naive_own": "seasonal naive, each series' own season",
    "majority": "most frequent class",
    "logistic_summary": "logistic regression on summary statistics",
    "logistic_step": "logistic regression on the step itself",
    "nearest": "nearest training sequence",
    "nearest_warped": "nearest training sequence under time warping",
    "bag_of_words": "bag of words with logistic regression",
    "ridge_summary": "ridge regression on summary statistics",
    "ridge_step": "ridge regression on the step itself",
    "ridge_words": "bag of words with ridge regression",
    "model_blocks": "model, in blocks of {season} from an empty context",
    "model_adapting": "model, adapting while it reads",
    "kneser_ney": "Kneser-Ney {season}-grams",
    "unigram": "share of each token",
    "retrieval": "target of the nearest training source",
    "most_frequent": "most frequent training target",
    "nearest_picture": "caption of the nearest training picture",
    "lead_sentence": "first sentence of the source",
    "lead_words": "first {season} words of the source",
    "bernoulli": "share of each pitch",
    "windowed_gaussian": "windowed Gaussian",
    "seasonal_residual": "seasonal-naive residual",
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
    "mse": "MSE",
    "rmse": "RMSE",
    "r2": "R²",
    "mape": "MAPE",
    "smape": "sMAPE",
    "mase": "MASE",
    "rmsse": "RMSSE",
    "crps": "CRPS",
    "median_ae": "median error",
    "bias": "bias",
    "bits_per_character": "bits per character",
    "nats_per_token": "nats per token",
    "error": "mean error",
    "nats_per_character": "nats per character",
    "perplexity": "perplexity",
    "bleu": "BLEU",
    "bleu_tokenised": "tokenised BLEU",
    "cider": "CIDEr-D",
    "chrf": "chrF",
    "rouge_l": "ROUGE-L",
    "same": "exactly right",
    "joint_nats_per_frame": "joint nats per frame",
    "independent_nats_per_frame": "independent nats per frame",
    "wer": "word error rate",
    "cer": "character error rate",
    "cmapss": "C-MAPSS score",
    "windows": "labelled windows",
    "found": "windows found",
    "events": "alarms",
    "delay_mean": "mean delay",
    "delay_median": "median delay",
    "false_alarms": "false alarms",
    "false_per_day": "false alarms a day",
    "false_per_week": "false alarms a week",
    "false_per_1000": "false alarms in 1,000 rows",
    "alarms_per_week": "alarms a week",
    "alarms_per_1000": "alarms in 1,000 rows",
    "adjusted_f1": "point-adjusted F1 (flatters)",
}


def method_name(method: str, lang: Language | None = None) -> str:
    """A method's name for people; names of the reader's own stay as they are.

    >>> method_name("seasonal_naive_24", "en")
    'seasonal naive, 24 steps'
    """
    stem, _, season = method.rpartition("_")
    if season.isdigit() and "{season}" in _METHODS.get(stem, ""):
        return tr(_METHODS[stem], lang, season=season)
    return tr(_METHODS[method], lang) if method in _METHODS else method


def metric_name(metric: str, lang: Language | None = None) -> str:
    """A metric's name for people."""
    return tr(_METRICS[metric], lang) if metric in _METRICS else metric
