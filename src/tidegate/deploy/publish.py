"""Publishing a run: its model with where it comes from, what it scored and a card, as a version or as one zip."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from tidegate.artifacts.artifact import FILES, Artifact, read_model
from tidegate.artifacts.atomic import existing_folder, write_file
from tidegate.core.errors import ArtifactError
from tidegate.core.names import method_name, metric_name
from tidegate.core.text import number
from tidegate.core.translate import LANGUAGES, Language, tr
from tidegate.deploy.signature import sign
from tidegate.deploy.store import FORMAT, RECORD, SIGNATURE, Store, Version, VersionRecord, now
from tidegate.runtime.model import model_of
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


PACKED = ["config.toml", "history.csv", "metrics.json", "findings.json", "audit.json", "events.csv"]
PACKED += ["report.html", "diagnosis.html", "explanation.html"]
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file in a zip, so that the same run gives the same bytes


def publish(run: str | Path, store: Store, name: str, *, notes: str = "", key: Path | None = None) -> Version:
    """Add a run's model to a store as its next version; the same model again is the version that is there already.

    Args:
        run: the folder of a run or a model. store, name: where to. notes: for the record and the card.
        key: an ed25519 private key (PEM) to sign with.

    Raises:
        ArtifactError: the run is damaged. ConfigError: a name or key that is none. OutputError: the store cannot be
            written; nothing of the version is visible then.
    """
    store.folder(name)
    contents, about = _model_files(Path(run)), _about(Path(run), notes)
    digest = hashlib.sha256(contents["model.json"]).hexdigest()[:12]

    def files_of(number: int, parent: str | None) -> dict[str, bytes]:
        record = {"format": FORMAT, "name": name, "number": number, "id": digest, "created": now(), **about}
        files = contents | _cards({**record, "parent": parent, "files": {}}, Path(run))
        hashes = {each: hashlib.sha256(content).hexdigest() for each, content in files.items()}
        whole = VersionRecord.model_validate({**record, "parent": parent, "files": hashes})
        files[RECORD] = whole.model_dump_json(indent=1).encode()
        if key is not None:
            files[SIGNATURE] = sign(files[RECORD], key)
        return files

    return store.add(name, digest, files_of)


def pack(run: str | Path, out: Path) -> list[str]:
    """One zip to hand in: model, configuration, scores, pages, cards, and the sha256 of each.

    Args:
        run: the folder of a run or a model. out: the zip; replaced whole.

    Returns:
        The names of the files in it.

    Raises:
        ArtifactError: the run is damaged. OutputError: the zip cannot be written.
    """
    folder = Path(run)
    files = {f"model/{name}": content for name, content in _model_files(folder).items()}
    files |= {name: (folder / name).read_bytes() for name in PACKED if (folder / name).is_file()}
    about = {"format": FORMAT, "name": folder.resolve().name, "number": 1, "created": now()}
    digest = hashlib.sha256(files["model/model.json"]).hexdigest()[:12]
    files |= _cards({**about, "id": digest, **_about(folder, ""), "files": {}}, folder, dated=False)
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in sorted(files.items())]
    files["SHA256SUMS"] = ("\n".join(sums) + "\n").encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
    write_file(out, buffer.getvalue())
    return sorted(files)


def _model_files(run: Path) -> dict[str, bytes]:
    """The artifact's four files, once the model in them was verified."""
    model_of(read_model(run))
    folder = existing_folder(run / "model") if not (run / "model.json").exists() else run
    found = {name: (folder / name).read_bytes() for name in ("model.json", *FILES)}
    for name, digest in json.loads(found["model.json"])["files"].items():
        if hashlib.sha256(found[name]).hexdigest() != digest:
            raise ArtifactError(
                tr("{folder} changed while it was read: publish it once the training is over", folder=folder / name)
            )
    return found


def _about(run: Path, notes: str) -> dict[str, Any]:
    """What a record says of a run."""
    record = read_model(run).record
    place = run.parent / "metrics.json" if (run / "model.json").exists() else run / "metrics.json"
    try:
        metrics = json.loads(place.read_bytes()) if place.is_file() else {}
    except ValueError as error:
        raise ArtifactError(tr("{place} is not JSON: {error}", place=place, error=error)) from error
    test = metrics.get("test") or {}
    table = test if "overall" in test else test.get("alarms") or {}
    overall = table.get("overall")
    return {
        "task": record.task,
        "tidegate": record.tidegate_version,
        "data": metrics.get("data"),
        "config": record.config,
        "reading": record.reading,
        "criterion": test.get("criterion"),
        "metrics": overall if isinstance(overall, dict) else {},
        "verdict": test.get("verdict"),
        "notes": notes,
    }


def _cards(record: dict[str, Any], run: Path, *, dated: bool = True) -> dict[str, bytes]:
    whole = VersionRecord.model_validate(record)
    artifact, standing = read_model(run), Standing.read(run)
    return {card_name(code): card(whole, artifact, standing, code, dated=dated).encode() for code in LANGUAGES}
