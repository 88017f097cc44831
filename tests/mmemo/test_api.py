"""The way in: quick, without torch, and clear about what is missing."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import mmemo
from mmemo.errors import ConfigError
from mmemo.features import Features, Word
from mmemo.labels import EMOTIONS
from mmemo.prediction import Prediction
from mmemo.prediction_table import Predictions
from mmemo.reasons import Reasons

ROOT = Path(__file__).resolve().parents[2]


def said(start, labels=("anger",)):
    return Prediction(
        video="talk.mp4",
        start=start,
        end=start + 2.0,
        words=(Word("well", start, start + 1), Word("then", start + 1, start + 2)),
        labels=labels,
        probs=None if labels is None else dict.fromkeys(EMOTIONS, 0.25),
        spoke=None if labels is None else {e: {"text": 0.75, "audio": 0.25} for e in EMOTIONS},
        absent={"visual": "no face here"},
        demonstration=False,
    )


def test_importing_loads_neither_torch_nor_pandas_nor_the_hub():
    heavy = ("torch", "pandas", "huggingface_hub", "transformers", "cv2", "av", "pipelines")
    code = f"import sys, mmemo\nmmemo.load\nassert not set({heavy!r}) & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_a_package_that_is_not_installed_says_so(monkeypatch):
    def nowhere(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("mmemo.api.distribution", nowhere)
    with pytest.raises(ConfigError, match="pip install"):
        mmemo.load()


def test_an_installation_older_than_the_code_says_so(monkeypatch, tmp_path):
    older = tmp_path / "mmemo-0.0.1.dist-info"
    older.mkdir()
    (older / "METADATA").write_text("Metadata-Version: 2.1\nName: mmemo\nVersion: 0.0.1\n")
    monkeypatch.setattr("mmemo.api.distribution", lambda name: metadata.PathDistribution(older))
    with pytest.raises(ConfigError, match="older than this code"):
        mmemo.load()


def test_only_mmemos_own_entry_point_is_followed(monkeypatch, tmp_path):
    """Another distribution may name an entry point of that group; it is not asked."""
    other = tmp_path / "other-1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1\n")
    (other / "entry_points.txt").write_text("[mmemo.api]\nload = nowhere:load\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "nowhere:load" in {p.value for p in metadata.entry_points(group="mmemo.api")}
    with pytest.raises(mmemo.MmemoError, match="no trained model"):
        mmemo.load(tmp_path / "none")


def test_features_as_a_table_say_what_is_missing():
    pytest.importorskip("pandas")
    features = Features(
        values=np.array([[1.0, 2.0], [0.0, 0.0], [5.0, 6.0]]),
        times=np.array([[0.0, 0.1], [0.1, 0.2], [0.2, 0.3]]),
        valid=np.array([True, False, True]),
        names=("AU1", "AU2"),
        source="facet:1:0",
    )
    table = features.to_dataframe()
    assert list(table.columns) == ["start_s", "end_s", "valid", "AU1", "AU2"]
    assert table["AU1"].mean() == 3.0
    assert table["AU2"].isna().tolist() == [False, True, False]
    assert table["valid"].dtype == bool
    assert table["AU1"].dtype == np.float32


def test_predictions_as_a_table():
    pytest.importorskip("pandas")
    table = Predictions([said(0.0), said(2.0, None), said(4.0, ())]).to_dataframe()
    assert table["start_s"].tolist() == [0.0, 2.0, 4.0]
    assert table["emotions"].tolist() == [["anger"], None, []]
    assert table["p_anger"].isna().tolist() == [False, True, False]
    assert table["anger_by_text"].tolist()[0] == 0.75
    assert table["anger_by_visual"].isna().all()
    assert table["p_anger"].dtype == float
    assert table["demonstration"].dtype == bool
    assert len(Predictions().to_dataframe()) == 0


def test_reasons_as_a_table():
    pytest.importorskip("pandas")
    effects = np.arange(12.0).reshape(6, 2)
    reasons = Reasons(
        said(1.0), EMOTIONS, ("text", "visual"), np.zeros((6, 2)), {"text": effects}, {}
    )
    table = reasons.to_dataframe()
    assert len(table) == 12
    row = table[(table["word"] == "then") & (table["emotion"] == "anger")].iloc[0]
    assert row["text_effect"] == effects[EMOTIONS.index("anger"), 1]
    assert (row["start_s"], row["end_s"]) == (2.0, 3.0)
    assert table["visual_effect"].isna().all()
    assert table["text_weight"].isna().all()


def test_without_pandas_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match=r"pip install 'mmemo\[pandas\]'"):
        Predictions([said(0.0)]).to_dataframe()
