"""Publishing a run: its model with where it comes from, what it scored and a card, as a version or as one zip."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from tidegate.artifacts.artifact import FILES, read_model
from tidegate.artifacts.atomic import existing_folder, write_file
from tidegate.core.errors import ArtifactError
from tidegate.core.translate import LANGUAGES, tr
from tidegate.deploy.card import card, card_name
from tidegate.deploy.signature import sign
from tidegate.deploy.store import FORMAT, RECORD, SIGNATURE, Store, Version, VersionRecord, now
from tidegate.runtime.model import model_of
from tidegate.tasks.standing import Standing

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
