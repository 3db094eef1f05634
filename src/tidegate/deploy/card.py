"""The model card: what a model is, what it was trained on, what it scored, and what it is not for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.artifacts.artifact import Artifact
from tidegate.core.names import method_name, metric_name
from tidegate.core.text import number
from tidegate.core.translate import Language, tr

if TYPE_CHECKING:
    from tidegate.deploy.store import VersionRecord
    from tidegate.tasks.standing import Standing

TASKS = {
    "forecaster": "forecasts the coming steps of a series",
    "classifier": "names the class of a sequence or of its steps",
    "regressor": "estimates numbers from a sequence",
    "detector": "says which rows of a series are out of the ordinary",
    "language": "says what comes next in a text",
}


def card_name(code: Language) -> str:
    """The file of a card."""
    return f"card.{code.replace('_', '-')}.md"


def card(record: VersionRecord, artifact: Artifact, standing: Standing, code: Language, *, dated: bool = True) -> str:
    """The card as Markdown.

    Args:
        record: of the version. artifact: its model. standing: verdict and critical findings of its run. code: language.
        dated: whether to say when it was published.
    """
    made, spec = artifact.record, artifact.record.network
    weights = sum(values.size for values in artifact.weights.values())
    task = TASKS.get(record.task)
    rows = [
        (tr("task", code), f"{record.task}: {tr(task, code)}" if task else record.task),
        (tr("version", code), f"{record.number} ({record.id})" + (f", {record.created}" if dated else "")),
        (tr("came after", code), record.parent or tr("none", code)),
        (tr("training data (fingerprint)", code), record.data or tr("unknown", code)),
        (tr("reads", code), ", ".join(f"{key}: {value}" for key, value in made.schema_.items() if value)),
        (tr("network", code), _network(spec)),
        (tr("weights", code), f"{weights:,}"),
        (tr("seed", code), str(made.provenance.get("seed"))),
        ("tidegate", record.tidegate),
    ]
    lines = [f"# {tr('Model card: {name}', code, name=record.name)}", "", "| | |", "| --- | --- |"]
    lines += [f"| {name} | {_cell(value)} |" for name, value in rows]
    lines += ["", f"## {tr('Scores on the test part', code)}", "", *_scores(record, code)]
    if standing.verdict is not None:
        lines += ["", standing.verdict.text(code)]
    for grave in standing.critical:
        lines += ["", f"**{tr('Critical', code)}**: {grave['title']}. {grave['text']}"]
    if record.notes:
        lines += ["", f"## {tr('Notes', code)}", "", record.notes]
    use = tr(
        "It answers for data like those that it was trained on; `tidegate monitor` says when they no longer are. The "
        "scores are of one part of the data, once. A person should decide where an error would do harm.",
        code,
    )
    return "\n".join([*lines, "", f"## {tr('Use and limits', code)}", "", use, ""])


def _network(spec: object) -> str:
    encoder = spec.encoder  # type: ignore[attr-defined]
    kind = getattr(encoder, "cell", encoder.kind)
    sizes = {"window": spec.window, "horizon": spec.horizon}  # type: ignore[attr-defined]
    shown = ", ".join(f"{name} {value}" for name, value in sizes.items() if value)
    return f"{kind}, {encoder.num_layers} x {encoder.hidden_size}" + (f", {shown}" if shown else "")


def _scores(record: VersionRecord, code: Language) -> list[str]:
    metric = record.criterion
    if metric is None or not record.metrics:
        return [tr("Nothing was tested.", code)]
    lines = [f"| {tr('method', code)} | {metric_name(metric, code)} |", "| --- | --- |"]
    for method, values in record.metrics.items():
        value = values.get(metric)
        lines.append(f"| {method_name(method, code)} | {'' if value is None else number(value)} |")
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
