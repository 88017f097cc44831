"""The findings of ``mmemo doctor`` on this machine, and on incomplete ones."""

import importlib.metadata
import json
import shutil

from mmemo.assets.resolve import ASSETS
from pipelines.cli import main
from pipelines.doctor import _cache, _model, _native, examine


def findings():
    return {finding.name: finding for finding in examine()}


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
    output = capsys.readouterr().out
    assert "av is not installed" in output
    assert "pip install mmemo" in output


def test_a_package_that_is_too_old_is_named_with_what_is_expected(monkeypatch):
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "1.26.4" if name == "numpy" else version(name)
    )
    finding = findings()["packages"]
    assert finding.state == "missing"
    assert "numpy is 1.26.4, expected <3,>=2" in finding.detail


def test_requirements_of_other_python_versions_are_ignored(monkeypatch):
    requirements = [
        "av>=15",
        'nothing-like-it>=1; python_version < "3"',
        'none-of-it; extra == "bench"',
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: requirements)
    by_name = findings()
    assert by_name["packages"].state == "ok"
    assert by_name["packages [bench]"].state == "optional"


def test_a_module_that_fails_to_load_is_reported_with_its_error(monkeypatch):
    def load(name):
        if name == "cv2":
            raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr("pipelines.doctor.importlib.import_module", load)
    (finding,) = _native()
    assert finding.state == "missing"
    assert finding.detail == "cv2: libGL.so.1: cannot open shared object file"


def test_the_model_that_comes_along_is_described(monkeypatch, tmp_path, planted_run):
    monkeypatch.setattr("mmemo.assets.shipped.SHIPPED", tmp_path)
    (finding,) = _model()
    assert finding.state == "optional"
    assert "--run" in finding.remedy
    shutil.copytree(planted_run, tmp_path / "default")
    (finding,) = _model()
    assert finding.state == "ok"
    assert finding.detail == "reads text + audio + visual; learnt from planted (48 clips)"
    (tmp_path / "default" / "model.safetensors").write_bytes(b"")
    (finding,) = _model()
    assert finding.state == "missing"


def test_a_full_disk_is_a_fault_where_weights_are_to_come(monkeypatch, tmp_path):
    monkeypatch.setenv("MMEMO_CACHE", str(tmp_path))
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr("pipelines.doctor.shutil.disk_usage", lambda path: usage)
    (finding,) = _cache()
    assert finding.state == "missing"
    assert "1 MB free" in finding.detail


def test_missing_weights_are_no_fault(monkeypatch, tmp_path):
    monkeypatch.setenv("MMEMO_CACHE", str(tmp_path / "empty"))
    by_name = findings()
    assert by_name["face-landmarker"].state == "optional"
    assert "not fetched yet" in by_name["face-landmarker"].detail
    assert not (tmp_path / "empty").exists()


def test_a_cache_without_a_home_is_a_fault(monkeypatch):
    def homeless(_):
        raise RuntimeError("no home")

    monkeypatch.delenv("MMEMO_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pathlib.Path.expanduser", homeless)
    (finding,) = _cache()
    assert finding.state == "missing"
    assert "MMEMO_CACHE" in finding.remedy
