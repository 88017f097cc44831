"""Models in a folder, on a hub and in its cache; files that are no model are refused."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from hub_server import running
from huggingface_hub import ModelCard, constants
from sealed_json import write_sealed

import mmemo
from mmemo.errors import CheckpointError, ConfigError
from pipelines.cli import main
from pipelines.hub.hub import find

NAME = "someone/emotions"
PAYLOAD = "import pathlib; pathlib.Path('ran').touch()"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Run a hub, and point huggingface_hub to it."""
    with running() as started:
        monkeypatch.setattr(constants, "ENDPOINT", started.address)
        template = started.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield started


@pytest.fixture(scope="module")
def model(planted_run):
    return mmemo.load(planted_run, device="cpu")


def weights(reader):
    return reader.checkpoint.model.state_dict()


def assert_same(one, other):
    saved, loaded = weights(one), weights(other)
    assert saved.keys() == loaded.keys()
    assert all(torch.equal(saved[name], loaded[name]) for name in saved)
    assert one.checkpoint.thresholds == other.checkpoint.thresholds
    assert one.labels == other.labels


def files_of(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def test_a_folder_holds_the_whole_model(model, tmp_path):
    folder = model.save_pretrained(tmp_path / "saved", licence="cc-by-4.0")
    assert {p.name for p in folder.iterdir()} == {
        "model.safetensors", "checkpoint.json", "config.json", "README.md"
    }  # fmt: skip
    assert_same(model, mmemo.EmotionReader.from_pretrained(folder))
    contents = json.loads((folder / "config.json").read_text())
    assert list(contents["id2label"].values()) == list(mmemo.EMOTIONS)


def test_the_card_has_the_metadata_of_the_hub_and_the_limits_of_the_model(model, tmp_path):
    folder = model.save_pretrained(tmp_path / "saved", licence="cc-by-4.0")
    card = ModelCard.load(folder / "README.md")
    assert card.data.library_name == "mmemo"
    assert card.data.license == "cc-by-4.0"
    figures = {(r.metric_type, r.metric_value) for r in card.data.eval_results}
    micro_f1 = model.checkpoint.valid["micro_f1"]
    assert ("f1", round(micro_f1, 4)) in figures
    assert "48 labelled clips" in card.text
    assert "does not know what a person feels" in card.text
    assert str(tmp_path) not in card.content


def test_an_existing_card_is_not_replaced(model, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "notes.txt").write_text("also mine")
    model.save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"
    assert (tmp_path / "notes.txt").read_text() == "also mine"


def test_a_model_is_pushed_and_loaded_again(hub, model, tmp_path):
    address = model.push_to_hub(NAME, licence="mit", private=True)
    assert address.startswith(f"{hub.address}/{NAME}/commit/")
    assert set(hub.repos[NAME]["main"]) == {
        "model.safetensors", "checkpoint.json", "config.json", "README.md"
    }  # fmt: skip
    assert f'mmemo.load("{NAME}")' in hub.repos[NAME]["main"]["README.md"].decode()
    assert_same(model, mmemo.load(NAME))
    assert_same(model, mmemo.load(f"hf://{NAME}"))


def test_a_pushed_model_names_no_folder_of_this_machine(hub, model, tmp_path, monkeypatch):
    vectors = {"features.vectors": str(tmp_path / "own.txt")}
    config = model.checkpoint.config.with_options(vectors, "a test")
    monkeypatch.setattr(model, "checkpoint", replace(model.checkpoint, config=config))
    model.push_to_hub(NAME)
    description = json.loads(hub.repos[NAME]["main"]["checkpoint.json"])
    assert description["config"]["features"]["vectors"] == "own.txt"
    assert not any(str(tmp_path).encode() in file for file in hub.repos[NAME]["main"].values())


def test_only_model_files_are_fetched_and_only_once(hub, model, tmp_path):
    saved = files_of(model.save_pretrained(tmp_path / "saved"))
    hub.commit(NAME, {**saved, "modeling.py": PAYLOAD.encode(), "data.pkl": b"\x80\x04."})
    folder = find(f"hf://{NAME}")
    assert set(files_of(folder)) == set(saved)
    hub.requests.clear()
    assert find(f"hf://{NAME}") == folder
    assert not [path for method, path in hub.requests if method == "GET" and "/resolve/" in path]


def test_a_revision_does_not_change(hub, model, tmp_path):
    saved = files_of(model.save_pretrained(tmp_path / "saved"))
    first = hub.commit(NAME, saved)
    changed = json.loads(saved["checkpoint.json"])
    changed["thresholds"] = [0.123] * 6
    write_sealed(tmp_path / "changed.json", changed)
    hub.commit(NAME, {"checkpoint.json": (tmp_path / "changed.json").read_bytes()})
    assert mmemo.load(NAME).checkpoint.thresholds == (0.123,) * 6
    assert mmemo.load(NAME, revision=first).checkpoint.thresholds != (0.123,) * 6
    at = find(f"hf://{NAME}@{first}")
    assert json.loads((at / "checkpoint.json").read_text())["thresholds"] != [0.123] * 6
    with pytest.raises(CheckpointError, match="no revision 'v9'"):
        mmemo.load(NAME, revision="v9")


def test_the_cache_serves_without_a_network(hub, model, tmp_path, monkeypatch):
    hub.commit(NAME, files_of(model.save_pretrained(tmp_path / "saved")))
    mmemo.load(NAME)
    hub.requests.clear()
    assert_same(model, mmemo.load(NAME, local_files_only=True))
    monkeypatch.setenv("MMEMO_OFFLINE", "1")
    assert_same(model, mmemo.load(NAME))
    assert hub.requests == []
    monkeypatch.delenv("MMEMO_OFFLINE")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # a port without a server
    assert_same(model, mmemo.load(NAME))


def test_failures_of_the_hub_are_one_line(hub, model, tmp_path, monkeypatch):
    hub.commit("someone/pictures", {"config.json": b"{}", "pytorch_model.bin": b"x"})
    hub.gated.add("someone/shy")
    for name, expected in (
        ("someone/nothing", "no such model, or it is private"),
        ("someone/shy", "its owner has to grant access"),
        ("someone/pictures", "no checkpoint.json and no model.safetensors"),
        ("hf://nonsense", "expected owner/name"),
    ):
        with pytest.raises(CheckpointError, match=expected) as caught:
            mmemo.load(name)
        assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(CheckpointError, match=r"not in the cache.*is not allowed"):
        mmemo.load(NAME, local_files_only=True)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match="the hub cannot be reached"):
        mmemo.load(NAME)
    with pytest.raises(ConfigError, match="expected to upload"):
        model.push_to_hub(NAME)


def test_an_incomplete_model_in_the_cache_is_refused(hub, model, tmp_path):
    hub.commit(NAME, files_of(model.save_pretrained(tmp_path / "saved")))
    (find(f"hf://{NAME}") / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="expected a model"):
        mmemo.load(NAME, local_files_only=True)


def test_a_typo_causes_no_request(hub, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(CheckpointError, match="no trained model"):
        mmemo.load("runs/mime")
    assert main(["predict", "talk.mp4", "--run", "run/mime"]) == 1
    assert "no trained model" in capsys.readouterr().err
    assert hub.requests == []


def test_a_folder_has_no_revisions(model, tmp_path):
    folder = model.save_pretrained(tmp_path / "saved")
    with pytest.raises(CheckpointError, match="revision 'v1'"):
        mmemo.load(folder, revision="v1")


@pytest.mark.parametrize("file", ["model.safetensors", "checkpoint.json"])
def test_wrong_files_are_no_model(model, tmp_path, file):
    folder = model.save_pretrained(tmp_path / "saved")
    for content in (b"", b"\x80\x04\x95pickle", b"{}", b"[" * 99999):
        (folder / file).write_bytes(content)
        with pytest.raises(CheckpointError, match=file.replace(".", r"\.")):
            mmemo.load(folder)


def test_code_beside_an_encoder_is_not_run_and_the_user_is_not_asked(model, tmp_path, monkeypatch):
    """A config may name classes in a file beside it; transformers would ask whether to run it."""
    folder = model.save_pretrained(tmp_path / "saved")
    contents = json.loads((folder / "checkpoint.json").read_text())
    contents["config"]["model"]["pretrained"] = "minilm-l6"
    contents["pretrained"] = "minilm-l6:0"
    write_sealed(folder / "checkpoint.json", contents)
    (folder / "encoder").mkdir()
    auto = {"AutoConfig": "evil.Config", "AutoModel": "evil.Model", "AutoTokenizer": "evil.Words"}
    config = {"model_type": "evil", "auto_map": auto}
    (folder / "encoder" / "config.json").write_text(json.dumps(config))
    (folder / "encoder" / "evil.py").write_text(PAYLOAD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("the user was asked"))
    with pytest.raises(CheckpointError):
        mmemo.load(folder)
    assert not (tmp_path / "ran").exists()


def test_the_command_loads_a_model_of_the_hub(hub, model, tmp_path, capsys):
    hub.commit(NAME, files_of(model.save_pretrained(tmp_path / "saved")))
    assert main(["predict", str(tmp_path / "none.mp4"), "--run", f"hf://{NAME}"]) == 1
    err = capsys.readouterr().err
    assert f"fetching {NAME} from the Hugging Face hub" in err
    assert "once; kept in" in err
    assert "none.mp4" in err.splitlines()[-1]
    shutil.rmtree(tmp_path / "cache")
    command = ["predict", str(tmp_path / "none.mp4"), "--run", f"hf://{NAME}", "--quiet"]
    assert main(command) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
