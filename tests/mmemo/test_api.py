"""The entry point: quick, without torch, and its tables."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mmemo
from mmemo.errors import ConfigError
from mmemo.features import Features, Word
from mmemo.labels import EMOTIONS
from mmemo.prediction import Explanation, Prediction, Predictions

ROOT = Path(__file__).resolve().parents[2]


def utterance(start, labels=("anger",)):
    return Prediction(
        video="talk.mp4",
        start=start,
        end=start + 2.0,
        words=(Word("well", start, start + 1), Word("then", start + 1, start + 2)),
        labels=labels,
        probs=None if labels is None else dict.fromkeys(EMOTIONS, 0.25),
        effects=None if labels is None else {e: {"text": 0.75, "audio": -0.25} for e in EMOTIONS},
        absent={"visual": "no face here"},
        demonstration=False,
    )


def test_importing_loads_neither_torch_nor_pandas_nor_the_hub():
    heavy = ("torch", "pandas", "huggingface_hub", "transformers", "cv2", "av", "pipelines")
    code = f"import sys, mmemo\nmmemo.load\nassert not set({heavy!r}) & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_a_checkout_that_is_not_installed_works(tmp_path):
    """Without mmemo's own distribution, and away from the checkout."""
    site_packages = [path for path in sys.path if Path(path).name.endswith("-packages")]
    program = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, *{site_packages!r}]
import importlib.metadata

def not_installed(name):
    raise importlib.metadata.PackageNotFoundError(name)

importlib.metadata.distribution = not_installed
importlib.metadata.Distribution.from_name = not_installed
import mmemo
assert mmemo.__file__.startswith({str(ROOT)!r})
try:
    mmemo.load("nowhere")
except mmemo.MmemoError as error:
    assert "no trained model" in str(error), error
else:
    raise AssertionError("expected an error")
assert mmemo.EmotionReader.__module__ == "pipelines.api"
"""
    # -I and -S: neither the working folder nor the editable installation is on the path.
    command = [sys.executable, "-I", "-S", "-c", program]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'Reader'"):
        _ = mmemo.Reader


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
    table = Predictions([utterance(0.0), utterance(2.0, None), utterance(4.0, ())]).to_dataframe()
    assert table["start_s"].tolist() == [0.0, 2.0, 4.0]
    assert table["emotions"].tolist() == [["anger"], None, []]
    assert table["p_anger"].isna().tolist() == [False, True, False]
    assert table["anger_text_effect"].tolist()[0] == 0.75
    assert table["anger_visual_effect"].isna().all()
    assert table["p_anger"].dtype == float
    assert table["demonstration"].dtype == bool
    assert len(Predictions().to_dataframe()) == 0


def test_explanations_as_a_table():
    pytest.importorskip("pandas")
    effects = np.arange(12.0).reshape(6, 2)
    explanation = Explanation(
        EMOTIONS,
        ("text", "visual"),
        marginals=np.full(6, 0.5),
        modality_weights=np.full((6, 2), 0.5),
        modality_effects=np.zeros((6, 2)),
        row_weights={},
        row_effects={},
        prediction=utterance(1.0),
        word_effects={"text": effects},
    )
    table = explanation.to_dataframe()
    assert len(table) == 12
    row = table[(table["word"] == "then") & (table["emotion"] == "anger")].iloc[0]
    assert row["text_effect"] == effects[EMOTIONS.index("anger"), 1]
    assert (row["start_s"], row["end_s"]) == (2.0, 3.0)
    assert table["visual_effect"].isna().all()
    assert table["text_weight"].isna().all()
    assert len(replace(explanation, prediction=None, word_effects={}).to_dataframe()) == 0


def test_without_pandas_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match=r"pip install 'mmemo\[pandas\]'"):
        Predictions([utterance(0.0)]).to_dataframe()
