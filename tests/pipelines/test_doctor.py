"""What ``mmemo doctor`` says of this machine, and of worse ones."""

import importlib.metadata
import json

from mmemo.assets import ASSETS
from pipelines.cli import main
from pipelines.doctor import _cache, examine


def findings():
    return {found.what: found for found in examine()}


def test_this_machine_can_run_everything_that_is_required(capsys):
    assert main(["doctor", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["what"] for line in lines} >= {"mmemo", "packages", "decoders", "cache", *ASSETS}
    assert not [line for line in lines if line["state"] == "missing"]


def test_a_missing_package_is_named_with_its_remedy(monkeypatch, capsys):
    version = importlib.metadata.version

    def without_av(name):
        if name == "av":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without_av)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "not installed: av" in said
    assert "pip install mmemo" in said


def test_weights_that_are_not_there_are_no_fault(monkeypatch, tmp_path):
    monkeypatch.setenv("MMEMO_CACHE", str(tmp_path / "empty"))
    found = findings()
    assert found["face-landmarker"].state == "optional"
    assert "not fetched yet" in found["face-landmarker"].detail
    assert not (tmp_path / "empty").exists()


def test_a_cache_without_a_home_is_a_fault(monkeypatch):
    def homeless(_):
        raise RuntimeError("no home")

    monkeypatch.delenv("MMEMO_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pathlib.Path.expanduser", homeless)
    (found,) = _cache()
    assert found.state == "missing"
    assert "MMEMO_CACHE" in found.remedy
