"""Every attack on a model's folder ends in an ArtifactError that says what is wrong; nothing is executed."""

import hashlib
import json
import pickle
import shutil
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

import tidegate as tg
from tests.tasks.forecast.models import fitted_plain, fitted_rich
from tidegate.artifacts.artifact import FILES, FORMAT_VERSION, read_artifact
from tidegate.artifacts.shapes import tensor_shapes
from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.runtime.model import load as load_runtime

Attack = Callable[[Path], None]
WEIGHTS, PREPARATION, CONTEXT = FILES


def content(folder: Path, name: str) -> Any:
    data = (folder / name).read_bytes()
    return load(data) if name.endswith("safetensors") else json.loads(data)


def put(folder: Path, name: str, value: Any, *, sign: bool = True) -> None:
    """Write a file and, as an attacker would, its right hash."""
    if isinstance(value, dict) and name.endswith("safetensors"):
        data = save(value)
    elif isinstance(value, bytes):
        data = value
    else:
        data = json.dumps(value).encode()
    (folder / name).write_bytes(data)
    if sign and name != "model.json":
        model = content(folder, "model.json")
        model["files"][name] = hashlib.sha256(data).hexdigest()
        put(folder, "model.json", model)


def change(name: str, edit: Callable[[Any], Any]) -> Attack:
    def attack(folder: Path) -> None:
        value = content(folder, name)
        put(folder, name, edit(value) or value)

    return attack


def model(**changes: Any) -> Attack:
    return change("model.json", lambda state: {**state, **changes})


def inner(group: str, **changes: Any) -> Attack:
    return change("model.json", lambda state: {**state, group: {**state[group], **changes}})


def raw(name: str, data: bytes) -> Attack:
    return lambda folder: put(folder, name, data)


def remove(name: str) -> Attack:
    return lambda folder: (folder / name).unlink()


def link(name: str) -> Attack:
    def attack(folder: Path) -> None:
        (folder / name).rename(folder.parent / "elsewhere")
        (folder / name).symlink_to(folder.parent / "elsewhere")

    return attack


def tensors(edit: Callable[[dict[str, Any]], Any], name: str = WEIGHTS) -> Attack:
    def attack(folder: Path) -> None:
        found = dict(content(folder, name))
        edit(found)
        put(folder, name, found)

    return attack


def first(found: dict[str, Any], value: Callable[[Any], Any]) -> None:
    name = sorted(found)[0]
    found[name] = np.ascontiguousarray(value(found[name]))


def rename(found: dict[str, Any]) -> None:
    found["layers.0.other"] = found.pop(sorted(found)[0])


def infect(found: dict[str, Any]) -> None:
    first(found, lambda value: np.where(np.arange(value.size).reshape(value.shape) == 0, np.nan, value).astype("f4"))


def cut(name: str, size: int) -> Attack:
    return lambda folder: put(folder, name, (folder / name).read_bytes()[:size])


def flip(name: str) -> Attack:
    def attack(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        put(folder, name, bytes(data), sign=False)

    return attack


def header(state: Any, size: int | None = None, tail: bytes = b"\0" * 64) -> bytes:
    text = json.dumps(state).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + tail


class Bomb:
    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('executed')",)


OVERLAP = {name: {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} for name in ("a", "b")}
DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000

ATTACKS: dict[str, tuple[Attack, str]] = {
    "no model.json": (remove("model.json"), r"model\.json is missing"),
    "no weights": (remove(WEIGHTS), rf"{WEIGHTS} is missing"),
    "no preparation": (remove(PREPARATION), rf"{PREPARATION} is missing"),
    "no context": (remove(CONTEXT), rf"{CONTEXT} is missing"),
    "linked model.json": (link("model.json"), "not a plain file"),
    "linked weights": (link(WEIGHTS), "not a plain file"),
    "extra tensor": (tensors(lambda t: t.update(extra=np.zeros(2, "f4"))), r"extra \['extra'\]"),
    "missing tensor": (tensors(lambda t: t.pop(sorted(t)[0])), r"missing \['layers"),
    "renamed tensor": (tensors(rename), r"missing \['layers.*extra \['layers\.0\.other'\]"),
    "wrong shape": (tensors(lambda t: first(t, lambda v: v[:-1])), "expected float32 of shape"),
    "wrong type": (tensors(lambda t: first(t, lambda v: v.astype("f8"))), "F64.*expected float32"),
    "half type": (tensors(lambda t: first(t, lambda v: v.astype("f2"))), "F16.*expected float32"),
    "integer type": (tensors(lambda t: first(t, lambda v: v.astype("i4"))), "I32.*expected float32"),
    "NaN in a tensor": (tensors(infect), "not finite"),
    "weights of 3e38": (tensors(lambda t: first(t, lambda v: v * 0 + 3e38)), "beyond 1e\\+12"),
    "empty weights": (raw(WEIGHTS, b""), "not a safetensors file"),
    "truncated weights": (cut(WEIGHTS, -9), "not a safetensors file"),
    "cut in the header": (cut(WEIGHTS, 40), "not a safetensors file"),
    "changed byte in weights": (flip(WEIGHTS), "sha256 differs"),
    "changed byte in preparation": (flip(PREPARATION), "sha256 differs"),
    "changed byte in context": (flip(CONTEXT), "sha256 differs"),
    "huge header": (raw(WEIGHTS, header({}, 2**63)), "not a safetensors file"),
    "header past the end": (raw(WEIGHTS, header({}, 10_000)), "not a safetensors file"),
    "overlapping tensors": (raw(WEIGHTS, header(OVERLAP)), "not a safetensors file"),
    "a pickle": (raw(WEIGHTS, pickle.dumps(Bomb())), "not a safetensors file"),
    "a pickle as context": (raw(CONTEXT, pickle.dumps(Bomb())), "not a safetensors file"),
    "a pickle as preparation": (raw(PREPARATION, pickle.dumps(Bomb())), "not JSON"),
    "wrong sha": (inner("files", **{WEIGHTS: "0" * 64}), "sha256 differs"),
    "sha of another kind": (inner("files", **{WEIGHTS: "00"}), r"files\.weights"),
    "path in files": (inner("files", **{"../../etc/passwd": "0" * 64}), r"\.\./\.\./etc/passwd"),
    "absolute path in files": (inner("files", **{"/etc/passwd": "0" * 64}), "/etc/passwd"),
    "files is a list": (model(files=[]), "files"),
    "newer format": (model(format_version=FORMAT_VERSION + 1), "version 3.*Upgrade tidegate"),
    "format 0": (model(format_version=0), "format_version is 0"),
    "format as text": (model(format_version="1"), "format_version is '1'"),
    "format true": (model(format_version=True), "format_version is True"),
    "unknown field": (model(run="rm -rf /"), "run"),
    "field gone": (change("model.json", lambda s: s.pop("schema") and s), "schema"),
    "another task": (model(task="classifier"), "preparation.json: 'inputs' is missing"),
    "an unknown task": (model(task="oracle"), "task is 'oracle'"),
    "network is text": (model(network="__import__('os')"), "network"),
    "network null": (model(network=None), "network"),
    "config is a list": (model(config=[1]), "config"),
    "not JSON": (raw("model.json", b"import os"), "not JSON"),
    "empty JSON": (raw("model.json", b""), "not JSON"),
    "a JSON list": (raw("model.json", b"[]"), "expected a JSON object"),
    "not UTF-8": (raw("model.json", b"\xff\xfe\xff"), "not JSON"),
    "deep JSON": (raw("model.json", DEEP), "not JSON|nested"),
    "deep preparation": (raw(PREPARATION, DEEP), "not JSON|nested"),
    "deep network": (
        raw("model.json", b'{"format_version": 1, "network": ' + b"[" * 900 + b"]" * 900 + b"}"),
        "network",
    ),
    "huge number": (raw("model.json", b'{"format_version": 1' + b"0" * 5000 + b"}"), "not JSON"),
    "preparation is a list": (raw(PREPARATION, b"[]"), "expected a JSON object"),
    "preparation empty": (raw(PREPARATION, b"{}"), "preparation"),
    "schema of numbers": (inner("schema", targets=5), "schema"),
    "frequency of nonsense": (model(frequency={"unit": "parsec"}), "frequency"),
    "horizon gone": (model(decoding={}), "decoding"),
    "horizon 0": (inner("decoding", horizon=0), "decoding"),
    "horizon not a multiple": (inner("decoding", horizon=7), "decoding"),
    "horizon of a billion": (inner("decoding", horizon=6 * 10**9), "horizon"),
    "one quantile less": (inner("decoding", quantiles=[0.1]), "decoding"),
    "a quantile of 5": (inner("decoding", quantiles=[0.1, 5.0]), "quantiles"),
    "calibration of another shape": (
        tensors(lambda t: t.update(calibration=np.zeros((1, 1), "f4")), CONTEXT),
        "calibration has shape",
    ),
    "calibration NaN": (tensors(lambda t: t.update(calibration=t["calibration"] * np.nan), CONTEXT), "calibration"),
    "preparation of another network": (
        lambda folder: put(folder, PREPARATION, fitted_rich().preparation_.to_json()),
        r"preparation\.json gives",
    ),
}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model nobody has touched."""
    return fitted_plain().save(tmp_path_factory.mktemp("pristine") / "model")


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    """A copy of it to attack."""
    return shutil.copytree(pristine, tmp_path / "model")


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_with_a_clear_text(name: str, folder: Path) -> None:
    attack, text = ATTACKS[name]
    attack(folder)
    with pytest.raises(ArtifactError, match=text) as caught:
        tg.load(folder)
    assert len(str(caught.value)) < 1000


def drop(key: str) -> Attack:
    return tensors(lambda t: t.pop(key), CONTEXT)


CONTEXT_ATTACKS: dict[str, Attack] = {
    "no times": drop("time"),
    "no starts": drop("starts"),
    "no target": drop("column.y"),
    "short column": tensors(lambda t: t.update({"column.y": t["column.y"][:-1]}), CONTEXT),
    "flat times": tensors(lambda t: t.update(time=t["time"].astype("i4")), CONTEXT),
    "two columns in one": tensors(lambda t: t.update({"column.y": np.stack([t["column.y"]] * 2, 1)}), CONTEXT),
    "falling starts": tensors(lambda t: t.update(starts=t["starts"][::-1].copy()), CONTEXT),
    "starts beyond the end": tensors(lambda t: t.update(starts=t["starts"] * 1000), CONTEXT),
    "negative starts": tensors(lambda t: t.update(starts=t["starts"] - 5), CONTEXT),
    "fractional starts": tensors(lambda t: t.update(starts=t["starts"].astype("f8")), CONTEXT),
    "three names": inner("context", ids=["a", "b", "c"]),
    "names are numbers": inner("context", ids=[5]),
    "no names": inner("context", ids=None),
    "text of nothing": inner("context", text={"word": ["a"]}),
    "text is a list": inner("context", text=[1]),
    "static is text": inner("context", static="x"),
}


@pytest.mark.parametrize("name", CONTEXT_ATTACKS)
def test_an_attack_on_the_stored_rows_is_refused(name: str, folder: Path) -> None:
    CONTEXT_ATTACKS[name](folder)
    with pytest.raises(tg.TidegateError, match=r"context\.safetensors|'y'"):
        tg.load(folder).predict()


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "nothing", tmp_path / "file", tmp_path):
        with pytest.raises(ArtifactError, match=r"there is no model|model\.json is missing"):
            tg.load(place)


def test_a_file_above_the_limit_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.artifacts.artifact.LARGEST_JSON", 100)
    with pytest.raises(ArtifactError, match="more than the 100 that are allowed"):
        tg.load(folder)


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    fitted = fitted_rich()
    artifact = read_artifact(fitted.save(tmp_path / "model"))
    state = fitted.fitted_.network.state_dict()
    assert artifact.weights.keys() == state.keys()
    for name, tensor in state.items():
        assert np.array_equal(artifact.weights[name], tensor.numpy())
    assert artifact.preparation == json.loads(json.dumps(fitted.preparation_.to_json()))
    assert artifact.record.network == fitted.spec_
    assert artifact.record.provenance["seed"] == 0
    assert set(artifact.record.provenance["versions"]) == {"tidegate", "python", "torch", "numpy"}
    again = tg.load(tmp_path / "model")
    assert {k: v for k, v in again.get_params().items() if k not in ("quantiles", "network")} == {
        k: v for k, v in fitted.get_params().items() if k not in ("quantiles", "network")
    }


def test_a_forecaster_whose_network_forecasts_nothing_is_refused(folder: Path) -> None:
    state = content(folder, "model.json")["network"]
    layers = [layer for layer in state["layers"] if layer["kind"] in ("recurrent", "pool")]
    state = {**state, "horizon": 1, "future": 0, "anchor": 0, "layers": [*layers, {"kind": "label"}]}
    inner("network", **state)(folder)
    weights = {name: np.zeros(shape, np.float32) for name, shape in tensor_shapes(NetworkSpec.from_json(state)).items()}
    put(folder, WEIGHTS, weights)
    with pytest.raises(ArtifactError, match="network ends in a label"):
        tg.load(folder)


def test_a_small_model_cannot_ask_for_gigabytes(folder: Path) -> None:
    """A horizon of 65,536 with 20,001 outputs: it loads in a moment, and is refused before it allocates."""
    state = content(folder, "model.json")
    sizes = {"horizon": 65_536, "outputs": 20_001}
    layers = [layer for layer in state["network"]["layers"] if layer["kind"] in ("recurrent", "pool")]
    inner("network", **sizes, anchor=0, layers=[*layers, {"kind": "head", "hidden_size": 1}])(folder)
    levels = (np.arange(20_000) + 0.5) / 20_000
    inner("decoding", horizon=65_536, point=True, quantiles=levels.tolist())(folder)
    spec = NetworkSpec.from_json(content(folder, "model.json")["network"])
    shapes = tensor_shapes(spec)
    put(folder, WEIGHTS, {name: np.zeros(shape, np.float32) for name, shape in shapes.items()})
    put(folder, CONTEXT, {k: v for k, v in content(folder, CONTEXT).items() if k not in ("calibration", "mixture")})
    model = load_runtime(folder)
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError, match=r"would take about [\d,]+ MB, more than the 4,295 MB"):
            model.predict()
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
