"""A store of versions: nothing is lost and nothing is half visible, whoever publishes, dies or cheats."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.runs import make_run
from tidegate.cli.main import run as command
from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.deploy.mlflow import is_store
from tidegate.deploy.publish import pack, publish
from tidegate.deploy.store import POINTER, RECORD, Store
from tidegate.runtime.model import load

CHILD = Path(__file__).with_name("publisher.py")


def child(store: Path, *runs: Path, **environment: str) -> subprocess.Popen[str]:
    words = [sys.executable, str(CHILD), str(store), *map(str, runs)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def make(tmp_path: Path, seed: int, mae: float = 1.0) -> Path:
    return make_run(tmp_path / f"run{seed}", seed, mae)


def test_versions_are_numbered_know_their_parent_and_are_the_model_itself(tmp_path: Path, store: Store) -> None:
    first = publish(make(tmp_path, 1), store, "load", notes="the first | of\nmany")
    second = publish(make(tmp_path, 2, 0.5), store, "load")
    assert [version.record.number for version in store.versions("load")] == [1, 2]
    assert (first.record.parent, second.record.parent) == (None, first.id)
    assert (second.record.score, second.record.data) == (0.5, "ab" * 32)
    assert publish(tmp_path / "run1", store, "load").folder == first.folder  # the same model is the same version
    assert load(second.folder).task == load(tmp_path / "run2").task == "forecaster"
    assert store.names() == ("load",)
    assert is_store(store.path)
    assert not is_store(tmp_path / "run1")
    for code, words in (("en", "Model card: load"), ("zh-TW", "模型卡：load")):
        text = (first.folder / f"card.{code}.md").read_text("utf-8")
        assert words in text
        assert "the first | of\nmany" in text
    assert {path.stat().st_mode & 0o222 for path in first.folder.iterdir()} == {0}  # nobody may write


def test_promotion_and_rollback_are_a_stack_with_a_log(tmp_path: Path, store: Store) -> None:
    ids = [publish(make(tmp_path, seed), store, "load").id for seed in (1, 2, 3)]
    assert store.promoted("load") is None
    for which, expected in (("1", ids[0]), (ids[1][:6], ids[1]), ("latest", ids[2]), ("3", ids[2])):
        store.promote("load", which)
        assert store.promoted("load").id == expected  # type: ignore[union-attr]
    assert store.rollback("load").id == ids[1]
    assert store.rollback("load").id == ids[0]
    with pytest.raises(ConfigError, match="no version was in use before"):
        store.rollback("load")
    assert [entry["action"] for entry in store.log("load")] == ["promote"] * 3 + ["rollback"] * 2
    for which in ("4", "zz", ids[0][:3], "../load"):
        with pytest.raises(ConfigError, match="no single version"):
            store.version("load", which)
    for name in ("..", "a/b", "", ".hidden", "a" * 65):
        with pytest.raises(ConfigError, match="cannot name a model"):
            publish(tmp_path / "run1", store, name)
    with pytest.raises(ConfigError, match="it has: load"):
        store.promote("other", "1")


def break_file(name: str, content: bytes) -> Any:
    def attack(folder: Path) -> None:
        (folder / name).chmod(0o644)
        (folder / name).write_bytes(content)

    return attack


def edit(**changes: Any) -> Any:
    def attack(folder: Path) -> None:
        state = json.loads((folder / RECORD).read_bytes())
        break_file(RECORD, json.dumps({**state, **changes}).encode())(folder)

    return attack


def link(folder: Path) -> None:
    shutil.copy(folder / "weights.safetensors", folder.parent.parent / "elsewhere")
    (folder / "weights.safetensors").unlink()
    (folder / "weights.safetensors").symlink_to(folder.parent.parent / "elsewhere")


ATTACKS = {
    "changed weights": (break_file("weights.safetensors", b"\0" * 200), "sha256 differs"),
    "linked weights": (link, "not a plain file"),
    "changed card": (break_file("card.en.md", b"perfect"), "sha256 differs"),
    "no record": (lambda folder: (folder / RECORD).unlink(), "cannot be read"),
    "record of text": (break_file(RECORD, b"[]"), "expected a JSON object"),
    "another name": (edit(name="other"), "not those of the folder"),
    "another number": (edit(number=7), "not those of the folder"),
    "newer format": (edit(format=2), "of format 2"),
    "a path in files": (edit(files={"model.json": "0" * 64, "../../x": "0" * 64}), "name, number or id|hold a path"),
    "an unknown field": (edit(run="rm"), "run"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_version_that_was_tampered_with_is_not_promoted(name: str, tmp_path: Path, store: Store) -> None:
    good = publish(make(tmp_path, 1), store, "load")
    store.promote("load", "1")
    bad = publish(make(tmp_path, 2), store, "load")
    attack, text = ATTACKS[name]
    attack(bad.folder)
    with pytest.raises(ArtifactError, match=text):
        store.promote("load", "2")
    assert store.promoted("load").id == good.id  # type: ignore[union-attr]


def test_a_pointer_that_is_none_is_refused(tmp_path: Path, store: Store) -> None:
    publish(make(tmp_path, 1), store, "load")
    for content in (b"", b"{}", b'{"format": 1, "stack": ["../../etc"], "log": []}', b"[" * 5000):
        (store.path / "load" / POINTER).write_bytes(content)
        with pytest.raises(ArtifactError, match=r"promoted\.json"):
            store.promoted("load")


def test_publishers_at_once_lose_nothing(tmp_path: Path, store: Store) -> None:
    runs = [make(tmp_path, seed) for seed in range(6)]
    children = [child(store.path, *runs[:3]), child(store.path, *runs[3:])]
    said = {line for each in children for line in each.communicate(timeout=60)[0].split() if line != "ready"}
    versions = store.versions("load")
    assert [version.record.number for version in versions] == [1, 2, 3, 4, 5, 6]
    assert {version.id for version in versions} == said
    for version in versions:
        version.check()


def test_a_killed_publisher_leaves_whole_versions_alone(tmp_path: Path, store: Store) -> None:
    runs = [make(tmp_path, seed) for seed in range(40)]
    seen: list[int] = []
    for attempt in range(2):
        process = child(store.path, *runs)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        acknowledged = [process.stdout.readline().strip() for _ in range(2 + 3 * attempt)]
        time.sleep(0.013 * attempt)
        process.kill()
        process.wait()
        process.stdout.close()
        versions = store.versions("load")
        seen.append(len(versions))
        assert set(acknowledged) <= {version.id for version in versions}
        for version in versions:
            version.check()
    assert seen[0] < 40
    after = publish(make(tmp_path, 99), store, "load")  # the lock went with its holder
    assert after.record.number == seen[1] + 1
    assert not list((store.path / "load").glob(".*"))  # what was half written is swept away


def test_a_full_disk_shows_nothing_and_keeps_what_was_there(tmp_path: Path, store: Store) -> None:
    before = publish(make(tmp_path, 1), store, "load")
    process = child(store.path, make(tmp_path, 2), LARGEST_FILE="4096")
    assert "refused: cannot write" in process.communicate(timeout=60)[0]
    assert [version.id for version in store.versions("load")] == [before.id]
    assert not list((store.path / "load").glob(".*.tmp"))
    before.check()


def test_readers_see_a_whole_version_at_every_moment(tmp_path: Path, store: Store) -> None:
    runs = [make(tmp_path, seed) for seed in range(12)]
    failed: list[Exception] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            try:
                for version in store.versions("load"):
                    assert set(version.record.files) < {path.name for path in version.folder.iterdir()}
                store.promoted("load")
            except Exception as error:
                failed.append(error)

    reader = threading.Thread(target=look)
    reader.start()
    for run in runs:
        store.promote("load", publish(run, store, "load").id)
    done.set()
    reader.join()
    assert failed == []


def test_signatures_are_made_demanded_and_not_fooled(tmp_path: Path, store: Store) -> None:
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    keys = []
    for name in ("ours", "theirs"):
        key = Ed25519PrivateKey.generate()
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (tmp_path / f"{name}.pem").write_bytes(key.private_bytes(*form))
        public = key.public_key().public_bytes(form[0], serialization.PublicFormat.SubjectPublicKeyInfo)
        (tmp_path / f"{name}.pub").write_bytes(public)
        keys.append(tmp_path / f"{name}.pub")
    ours, theirs = keys
    signed = publish(make(tmp_path, 1), store, "load", key=tmp_path / "ours.pem")
    plain = publish(make(tmp_path, 2), store, "load")
    signed.check([theirs, ours])
    for version, trusted, text in ((signed, [theirs], "none of the keys"), (plain, [ours], "is not signed")):
        with pytest.raises(ArtifactError, match=text):
            version.check(trusted)
    shutil.copy(signed.folder / "signature.json", plain.folder / "signature.json")
    with pytest.raises(ArtifactError, match="none of the keys"):
        store.promote("load", "2", [ours])
    with pytest.raises(ConfigError, match="no ed25519 public key"):
        signed.check([tmp_path / "ours.pem"])
    with pytest.raises(ConfigError, match="no ed25519 private key"):
        publish(make(tmp_path, 3), store, "load", key=ours)


def test_one_zip_holds_the_run_and_is_the_same_each_time(tmp_path: Path) -> None:
    run = make(tmp_path, 1)
    names = pack(run, tmp_path / "one.zip")
    pack(run, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert sorted(archive.namelist()) == names
        archive.extractall(tmp_path / "out")
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "out", capture_output=True, check=False)
    assert done.returncode == 0
    assert load(tmp_path / "out").task == "forecaster"


def test_the_commands_publish_promote_list_and_pack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path, 1)
    make(tmp_path, 2)
    assert command(["publish", "run1", "--name", "load", "--notes", "a", "--promote", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["promoted"] is True
    assert command(["publish", "run2/model", "--name", "load"]) == 0
    assert "tidegate promote load 2 --store models" in capsys.readouterr().err
    assert command(["promote", "load"]) == 0
    assert command(["rollback", "load"]) == 0
    capsys.readouterr()
    assert command(["versions", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["number"], row["promoted"], row["score"]) for row in rows] == [(1, True, 1.0), (2, False, 1.0)]
    assert command(["versions", "nothing"]) == 0
    assert command(["promote", "load", "9"]) == 2
    assert command(["pack", "run1"]) == 0
    assert (tmp_path / "run1.zip").is_file()
