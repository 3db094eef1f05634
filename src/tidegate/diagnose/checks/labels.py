"""Checks of labels: rare classes, labels that look wrong, groups on both sides, thresholds; and of the fit to them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.diagnose import finding
from tidegate.diagnose.checks.curve import curve_of
from tidegate.diagnose.evidence import Floats, LabelEvidence, LabelPart, Labels
from tidegate.diagnose.finding import Finding, Severity

RARE = 0.2  # examples of a class over those of the commonest
MISSED = 0.5  # recall of a rare class below this share of that of all others together
FEWEST = 10  # examples of a class in training
DOUBTFUL = 0.02  # share of labels in doubt
LEAST = 3  # labels in doubt
GAINS = 0.03  # balanced accuracy that another threshold adds
SPLITS = 20  # halves that a threshold must gain on
OVERLAP = 0.01  # share of validation sequences whose group the training part holds
GAP, WIDE = 0.10, 0.25  # share of wrong classes in validation above that in training
RATIO = 1.5  # the same of estimates, as a ratio
LOSES = 0.10  # error above that of the best simple method
FEW_ANSWERS = 50  # of the validation part, from which on it is asked whether there is anything to learn
SHOWN = 5  # ids that are named
UNLEARNED = 0.5  # error in training, over that of the majority or the mean, that is too much
FEW_STEPS, USUAL_STEPS = 500, 1_500  # of training: below which it is called brief, and those of a usual one
NARROW = 16  # units below which the network is looked at


def imbalance(case: LabelEvidence) -> list[Finding]:
    """A class that is rare and mostly missed."""
    labels, part = case.train.labels, case.validation
    if labels is None or part.labels is None or part.chances is None or len(case.classes) < 2:
        return []
    counts = np.bincount(labels[labels >= 0], minlength=len(case.classes))
    found = chosen(part.chances, case.threshold)
    worst: tuple[float, int, float, float] | None = None
    for place in np.flatnonzero(counts < RARE * counts.max()).tolist():
        own, others = part.labels == place, (part.labels != place) & (part.labels >= 0)
        if not own.any() or not others.any():
            continue
        recall = float(np.mean(found[own] == place))
        rest = float(np.mean(found[others] == part.labels[others]))
        if recall < MISSED * rest and (worst is None or recall < worst[0]):
            worst = recall, place, rest, counts[place] / counts.max()
    if worst is None:
        return []
    recall, place, rest, share = worst
    evidence = {"name": case.classes[place], "count": int(counts[place]), "share": float(share)}
    evidence |= {"recall": recall, "rest": rest}
    bars = sorted(zip(case.classes, counts.tolist(), strict=True), key=lambda item: -item[1])
    return [Finding("class_imbalance", "warning", evidence, {"class_weight": "balanced"}, finding.bars(bars))]


def few_examples(case: LabelEvidence) -> list[Finding]:
    """Classes with too few examples to learn or to evaluate."""
    labels = case.train.labels
    if labels is None or not case.classes:
        return []
    counts = np.bincount(labels[labels >= 0], minlength=len(case.classes))
    few = np.flatnonzero(counts < FEWEST)
    if not len(few):
        return []
    order = few[np.argsort(counts[few], kind="stable")]
    evidence = {"names": ", ".join(case.classes[place] for place in order[:SHOWN]), "count": len(few)}
    evidence |= {"of": len(case.classes), "least": int(counts[order[0]]), "needed": FEWEST}
    severity: Severity = "warning" if len(few) > len(case.classes) / 4 else "info"
    bars = [(case.classes[place], float(counts[place])) for place in order]
    return [Finding("few_examples", severity, evidence, {}, finding.bars(bars))]


def noise(case: LabelEvidence) -> list[Finding]:
    """Labels that a model which had not seen them, and which knows something, confidently contradicts."""
    held = case.held is not None
    part = case.train if held else case.validation
    chances = case.held if held else part.chances
    if part.labels is None or chances is None:
        return []
    seen = part.labels >= 0
    known = int(seen.sum())
    if not known or not _knows(part.labels[seen], chances[seen]):
        return []
    places, likely = doubtful(part.labels, chances)
    share = len(places) / max(known, 1)
    if len(places) < LEAST or share < DOUBTFUL:
        return []
    ids = part.ids or tuple(str(place) for place in range(len(part)))
    named = [f"{ids[p]} ({case.classes[part.labels[p]]} → {case.classes[likely[p]]})" for p in places[:SHOWN]]
    evidence = {"count": len(places), "of": known, "share": share, "names": ", ".join(named)}
    evidence |= {"part": "train" if held else "validation"}
    pairs: dict[str, float] = {}
    for p in places.tolist():
        key = f"{case.classes[part.labels[p]]} → {case.classes[likely[p]]}"
        pairs[key] = pairs.get(key, 0.0) + 1.0
    figure = finding.bars(sorted(pairs.items(), key=lambda item: -item[1]))
    remedy = {} if case.config.get("label_smoothing", 0.1) else {"training.label_smoothing": 0.1}
    return [Finding("label_noise", "warning", evidence, remedy, figure)]


def unrelated(case: LabelEvidence) -> list[Finding]:
    """Neither the model, wide and trained long enough, nor a simple method beats a constant by more than chance.

    A correlation r with the answers lowers their root mean square error to sqrt(1 - r^2) deviations, and 4 / n of r^2
    is chance (two standard errors of r); of classes two standard errors of a share count.
    """
    part, steps = case.validation, sum(epoch.steps for epoch in case.history)
    units = int(case.config.get("hidden_size", 64))
    if case.baseline is None or len(part) < FEW_ANSWERS or steps < FEW_STEPS or units < NARROW:
        return []
    constant, n = _constant(part), len(part)
    spread = 2 * (constant * (1 - constant) / n) ** 0.5 if part.labels is not None else 1 - (1 - 4 / n) ** 0.5
    if not min(part.error, case.baseline[0]) >= constant - spread:
        return []
    evidence = {"count": n, "error": part.error, "baseline": case.baseline[1], "baseline_error": case.baseline[0]}
    return [Finding("unrelated", "warning", evidence | {"constant": constant})]


def _constant(part: LabelPart) -> float:
    """The error of the best constant: the most frequent class, or the mean."""
    if part.labels is None:
        return 1.0  # root mean square error in deviations
    known = part.labels[part.labels >= 0]
    return float(1 - np.bincount(known).max() / len(known)) if len(known) else float("nan")


def _knows(labels: Labels, chances: Floats) -> bool:
    """Whether these probabilities are right more often than the most frequent class, by more than chance explains."""
    right, usual = np.mean(chances.argmax(axis=1) == labels), np.bincount(labels).max() / len(labels)
    return bool(right > usual + 2 * np.sqrt(right * (1 - right) / len(labels)))


def doubtful(labels: Labels, chances: Floats) -> tuple[Labels, Labels]:
    """Labels in doubt, worst first, and the class that is likelier for every one of the M.

        t_k = mean p_k over those labelled k;  in doubt: some j with p_j >= t_j, the largest of these not the label

    Args:
        labels: [M] places of classes, -1 where unknown. chances: [M, K] of a model that had not seen them.

    Returns:
        [n] places, by falling p_j - p_label; [M] the likelier class.

    Source: confident learning, Northcutt, Jiang and Chuang (2021), arXiv:1911.00068.
    """
    count = chances.shape[1]
    usual = np.array([chances[labels == k, k].mean() if (labels == k).any() else np.inf for k in range(count)])
    sure = np.where(chances >= usual, chances, -np.inf)
    likely = np.argmax(sure, axis=1).astype(np.int64)
    doubt = np.isfinite(sure.max(axis=1)) & (labels >= 0) & (likely != labels)
    places = np.flatnonzero(doubt)
    lead = chances[places, likely[places]] - chances[places, labels[places]]
    return places[np.argsort(-lead, kind="stable")], likely


def groups(case: LabelEvidence) -> list[Finding]:
    """Sequences of one source on both sides of the split."""
    own, other = case.train.groups, case.validation.groups
    if own is None or other is None or not len(other):
        return []
    shared = np.isin(other.astype(str), np.unique(own.astype(str)))
    share = float(shared.mean())
    if share < OVERLAP:
        return []
    inside, outside = (_error_of(case, rows) for rows in (shared, ~shared))
    common = np.unique(other.astype(str)[shared])
    evidence = {"share": share, "names": ", ".join(common[:SHOWN]), "count": len(common)}
    evidence |= {"inside": inside, "outside": outside}
    return [Finding("group_leak", "critical", evidence, {"by": "grouped"})]


def _error_of(case: LabelEvidence, rows: NDArray[np.bool_]) -> float:
    part = case.validation
    if part.labels is None or part.chances is None or not rows.any():
        return float("nan")
    return float(np.mean(part.chances[rows].argmax(axis=1) != part.labels[rows]))


def threshold(case: LabelEvidence) -> list[Finding]:
    """Of two classes, a threshold that leaves balanced accuracy behind, on halves that did not choose the other."""
    part = case.validation
    if part.labels is None or part.chances is None or part.chances.shape[1] != 2:
        return []
    seen = part.labels >= 0
    positive, chances = part.labels[seen] == 1, part.chances[seen, 1]
    if min(int(positive.sum()), int((~positive).sum())) < 2 * FEWEST:
        return []
    used = 0.5 if case.threshold is None else case.threshold
    gains = []
    generator = np.random.default_rng(0)
    for _ in range(SPLITS):
        half = generator.permutation(len(chances)) < len(chances) // 2
        better = best_threshold(positive[half], chances[half])
        gains.append(
            _balanced(positive[~half], chances[~half], better) - _balanced(positive[~half], chances[~half], used)
        )
    gain = float(np.median(gains))
    if gain < GAINS or float(np.mean(np.array(gains) > 0)) < 0.9:
        return []
    best = best_threshold(positive, chances)
    evidence = {"used": used, "better": best, "gain": gain, "accuracy": _balanced(positive, chances, used)}
    remedy = {"threshold": "balanced_accuracy"}
    shares = finding.histograms({"negative": chances[~positive], "positive": chances[positive]})
    return [Finding("threshold", "warning", evidence, remedy, shares)]


def best_threshold(positive: NDArray[np.bool_], chances: Floats) -> float:
    """The threshold of the highest balanced accuracy, half-way between two neighbouring chances."""
    order = np.sort(np.unique(chances))
    cuts = np.concatenate([[order[0]], (order[1:] + order[:-1]) / 2])
    ranked = np.sort(chances[positive]), np.sort(chances[~positive])
    hits = 1 - np.searchsorted(ranked[0], cuts, side="left") / max(len(ranked[0]), 1)
    rejected = np.searchsorted(ranked[1], cuts, side="left") / max(len(ranked[1]), 1)
    return float(cuts[int(np.argmax(hits + rejected))])


def _balanced(positive: NDArray[np.bool_], chances: Floats, at: float) -> float:
    said = chances >= at
    return float((said[positive].mean() + (~said[~positive]).mean()) / 2) if 0 < positive.sum() < len(said) else 0.0


def chosen(chances: Floats, at: float | None) -> Labels:
    """[M] classes that are said."""
    if at is not None and chances.shape[1] == 2:
        return (chances[:, 1] >= at).astype(np.int64)
    return np.asarray(chances.argmax(axis=1), dtype=np.int64)


def overfitting(case: LabelEvidence) -> list[Finding]:
    """The training part is known much better than the validation part."""
    own, other = case.train.error, case.validation.error
    apart = other - own if case.classes else other / max(own, 1e-12)
    slight, wide = (GAP, WIDE) if case.classes else (RATIO, 2 * RATIO)
    if not apart > slight:
        return []
    units, dropout = int(case.config.get("hidden_size", 64)), float(case.config.get("dropout", 0.0))
    remedy: dict[str, object] = {"dropout": 0.5} if dropout < 0.5 else {"hidden_size": min(units, max(16, units // 2))}
    evidence = {
        "train_error": own,
        "validation_error": other,
        "parameters": case.parameters,
        "examples": len(case.train),
    }
    severity: Severity = "critical" if apart > wide and _loses(case) else "warning"
    return [Finding("label_overfitting", severity, evidence, remedy, curve_of(case.history))]


def underfitting(case: LabelEvidence) -> list[Finding]:
    """The model loses to a simple method, and does not know its training part either."""
    if case.baseline is None or not _loses(case):
        return []
    error, (baseline, name) = case.validation.error, case.baseline
    if case.train.error < 0.5 * max(baseline, error):
        return []  # it learned the training part: what fails is to carry over
    units = int(case.config.get("hidden_size", 64))
    evidence = {"error": error, "baseline": name, "baseline_error": baseline, "train_error": case.train.error}
    evidence |= {"hidden_size": units}
    bars = finding.bars([(("method", {"name": "model"}), error), (("method", {"name": name}), baseline)])
    return [Finding("label_underfitting", "warning", evidence, {"hidden_size": max(units, min(256, 2 * units))}, bars)]


def _loses(case: LabelEvidence) -> bool:
    """Whether the error is above that of the best simple method, of classes by more than chance explains."""
    if case.baseline is None:
        return False
    error, baseline = case.validation.error, case.baseline[0]
    chance = (2 * (error * (1 - error) / max(len(case.validation), 1)) ** 0.5) if case.classes else 0.0
    return error > (1 + LOSES) * baseline and error > baseline + chance


def brief(case: LabelEvidence) -> list[Finding]:
    """A training part that is not learned after a few hundred steps, and no rare class that explains it."""
    epochs, labels = list(case.history), case.train.labels
    steps = sum(epoch.steps for epoch in epochs)
    counts = np.ones(1) if labels is None else np.bincount(labels[labels >= 0], minlength=1)
    if not epochs or steps >= FEW_STEPS or counts.min() < RARE * counts.max() or not unlearned(case):
        return []
    wanted = math.ceil(USUAL_STEPS * len(epochs) / max(steps, 1))
    remedy = {"max_epochs": wanted} | ({"training.patience": wanted} if case.history.stopped == "patience" else {})
    evidence: dict[str, Any] = {"steps": steps, "epochs": len(epochs), "train_error": case.train.error}
    evidence |= {"baseline_error": _constant(case.train)}
    return [Finding("few_steps", "warning", evidence, remedy, curve_of(case.history))]


def narrow(case: LabelEvidence) -> list[Finding]:
    """A handful of units, and a training part that is not learned."""
    units = int(case.config.get("hidden_size", 64))
    if units >= NARROW or not unlearned(case):
        return []
    evidence = {"hidden_size": units, "train_error": case.train.error, "baseline_error": _constant(case.train)}
    return [Finding("few_units", "warning", evidence, {"hidden_size": 4 * NARROW}, curve_of(case.history))]


def unlearned(case: LabelEvidence) -> bool:
    """Whether even the training part is hardly known: above half of the error of a model that knows nothing."""
    return case.train.error > UNLEARNED * _constant(case.train)
