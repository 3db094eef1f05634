"""Every verb of the library times every task: it answers, or says in a sentence why the combination makes no sense."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tidegate as tg
from tests.contract.world import TASKS, TINY, World, nearly

QUICK = {"folds": 2, "progress": False}


class Case:
    """A model with what it was fitted on."""

    def __init__(self, world: World, task: str, model: Any, scratch: Path) -> None:
        self.model, self.task, self.scratch = model, task, scratch
        self.run = world.runs[task]
        self.data, self.new, self.reading = str(world.data[task]), str(world.new[task]), TINY[task].reading

    def fresh(self) -> Any:
        """The estimator, not fitted."""
        return TINY[self.task].make(**TINY[self.task].options)

    def hurried(self) -> Any:
        """Fitted by a preset within a time limit; `search_` has what was tried."""
        made = self.fresh().set_params(preset="fast", time_limit=600).fit(self.data, **self.reading, progress=False)
        assert made.search_.entries[0].score == made.search_.entries[0].score
        return made


# What is called on a model.
VERBS: dict[str, Callable[[Case], Any]] = {
    "fit": lambda case: case.model if case.model.history_.epochs else None,
    "predict": lambda case: case.model.predict(),
    "predict new": lambda case: case.model.predict(case.new),
    "evaluate": lambda case: case.model.evaluate(),
    "evaluate new": lambda case: case.model.evaluate(case.new),
    "backtest": lambda case: case.model.backtest(**QUICK),
    "tg.backtest": lambda case: tg.backtest(case.fresh(), case.data, **QUICK, **case.reading),
    "cross_validate": lambda case: case.model.cross_validate(**QUICK),
    "tg.cross_validate": lambda case: tg.cross_validate(case.fresh(), case.data, **QUICK, **case.reading),
    "audit": lambda case: case.model.audit(),
    "tg.audit": lambda case: tg.audit(case.fresh(), case.data, **case.reading),
    "intervals": lambda case: case.model.intervals(level=80),
    "explain": lambda case: case.model.explain(),
    "explain new": lambda case: case.model.explain(case.new),
    "diagnose": lambda case: case.model.diagnose(),
    "tg.diagnose": lambda case: tg.diagnose(case.model),
    "fix": lambda case: case.model.fix(tries=1),
    "compare": lambda case: case.model.compare(encoders=["lstm", "gru"], progress=False),
    "tg.compare": lambda case: tg.compare(case.fresh(), case.data, encoders=["gru"], progress=False, **case.reading),
    "stream": lambda case: case.model.stream(),
    "preset": lambda case: case.hurried(),
    "tg.tune": lambda case: tg.tune(case.fresh(), case.data, trials=1, space={"seed": [3]}, **case.reading),
    "save": lambda case: case.model.save(case.scratch / "model"),
    "load": lambda case: tg.load(case.model.save(case.scratch / "model")),
    "open_run": lambda case: tg.open_run(case.run),
}

# What comes of it for each of TASKS: a type, or "!" and what the refusal has to say.
ROLLING, SERIES = "!cross_validate", "!backtest"
TABLE = "DataFrame"
ESTIMATORS = (
    "Forecaster",
    "Classifier",
    "Regressor",
    "AnomalyDetector",
    "LanguageModel",
    "Translator",
    "Transcriber",
    "Captioner",
)
EVALUATIONS = (
    "Evaluation",
    "ClassEvaluation",
    "NumberEvaluation",
    "DetectorEvaluation",
    "LanguageEvaluation",
    "TextEvaluation",
    "SpeechEvaluation",
    "TextEvaluation",
)
FOLDS = (SERIES, "CrossValidation", "CrossValidation", "!evaluate", "!evaluate", "!evaluate", "!evaluate", "!evaluate")
CONTRACT: dict[str, tuple[str, ...]] = {
    "fit": ESTIMATORS,
    "predict": (TABLE,) * 8,
    "evaluate": EVALUATIONS,
    "backtest": ("Backtest", ROLLING, ROLLING, "AlarmBacktest", "!clock", "!clock", "!clock", "!clock"),
    "cross_validate": FOLDS,
    "audit": ("Audit", "Audit", "Audit", "!one step at a time", "!copied", "!equal texts", "!evaluate", "!evaluate"),
    "intervals": (
        "Intervals",
        "!predict_proba",
        "NumberIntervals",
        "!p_value",
        "!probability",
        "!evaluate",
        "!least sure",
        "!evaluate",
    ),
    "explain": (
        "Explanation",
        "Explanation",
        "Explanation",
        "Explanation",
        "Surprise",
        "Alignment",
        "Saliency",
        "Looks",
    ),
    "diagnose": ("Findings",) * 8,
    "fix": ("Fixed",) * 8,
    "compare": (SERIES, "Comparison", "Comparison", "!evaluate", "Comparison", "!evaluate", "!evaluate", "!evaluate"),
    "stream": (
        "ForecastStream",
        "!cannot be streamed",
        "!cannot be streamed",
        "DetectStream",
        "TextStream",
        "!predict",
        "SpeechStream",
        "!predict",
    ),
    "preset": ESTIMATORS,
    "tg.tune": ("Tuned",) * 8,
    "save": ("PosixPath",) * 8,
    "load": ESTIMATORS,
    "open_run": ESTIMATORS,
}
SAME = {  # what comes of a verb with new data, or of the function beside the method
    "predict new": "predict",
    "evaluate new": "evaluate",
    "tg.backtest": "backtest",
    "tg.cross_validate": "cross_validate",
    "tg.audit": "audit",
    "explain new": "explain",
    "tg.diagnose": "diagnose",
    "tg.compare": "compare",
}
CONTRACT |= {name: CONTRACT[own] for name, own in SAME.items()}
TRAINS = {
    "fit",
    "preset",
    "tg.tune",
    "save",
    "load",
    "open_run",
    "tg.backtest",
    "tg.cross_validate",
    "tg.audit",
    "tg.compare",
}
NEEDS_NO_RUN = {"predict new", "evaluate new", "explain new"}  # answered by a model alone
HOLDS = {("predict", "forecast"), ("explain", "forecast")}  # its context
HOLDS |= {("stream", task) for task in ("forecast", "detect", "generate", "transcribe")}
CELLS = [(verb, task, expected[TASKS.index(task)]) for verb, expected in CONTRACT.items() for task in TASKS]


def test_the_contract_names_every_verb() -> None:
    assert set(CONTRACT) == set(VERBS)


@pytest.mark.parametrize(("verb", "task", "expected"), CELLS, ids=[f"{verb}-{task}" for verb, task, _ in CELLS])
def test_a_fitted_model(world: World, tmp_path: Path, verb: str, task: str, expected: str) -> None:
    _holds(Case(world, task, world.models[task], tmp_path), verb, expected)


def _holds(case: Case, verb: str, expected: str) -> None:
    if not expected.startswith("!"):
        assert type(VERBS[verb](case)).__name__ == expected
        return
    with pytest.raises(tg.TidegateError) as refusal:
        VERBS[verb](case)
    assert re.search(expected[1:], str(refusal.value), re.DOTALL)


@pytest.mark.parametrize("task", TASKS)
def test_a_run_opens_from_its_weights(world: World, tmp_path: Path, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its checkpoints and without a step of training it says what the fitted model says."""
    run = tmp_path / "run"
    shutil.copytree(world.runs[task], run, ignore=shutil.ignore_patterns("checkpoints"))
    fitted = world.models[task]
    monkeypatch.setattr("tidegate.tasks.fit.train", _no_training)
    model = tg.open_run(run)
    monkeypatch.undo()
    assert [vars(epoch) for epoch in model.history_] == [vars(epoch) for epoch in fitted.history_]
    assert nearly(model.evaluate().to_json(), fitted.evaluate().to_json())
    frames = [own.predict(str(world.new[task])).to_dict(as_series=False) for own in (model, fitted)]
    assert nearly(*frames)
    assert nearly(model.diagnose().to_json(), fitted.diagnose().to_json())


def _no_training(*given: Any, **how: Any) -> Any:
    raise AssertionError("a run was trained again")


@pytest.mark.parametrize("task", TASKS)
def test_a_run_is_not_opened_on_other_data(world: World, tmp_path: Path, task: str) -> None:
    with pytest.raises(tg.TidegateError, match="no longer what it was trained on"):
        tg.open_run(world.runs[task], str(world.new[task]))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("verb", [name for name in VERBS if name not in TRAINS])
def test_a_loaded_model_answers_or_says_what_it_lacks(world: World, tmp_path: Path, verb: str, task: str) -> None:
    """A model alone has neither its data nor its history."""
    case = Case(world, task, tg.load(world.runs[task] / "model"), tmp_path)
    expected = CONTRACT[verb][TASKS.index(task)]
    if (verb, task) in HOLDS or verb in NEEDS_NO_RUN or expected.startswith("!"):
        _holds(case, verb, expected)
        return
    with pytest.raises(tg.TidegateError, match="open_run"):
        VERBS[verb](case)
