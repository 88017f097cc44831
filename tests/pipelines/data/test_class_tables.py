"""Tables with any labels: one column of names, or a column for each label that is configured."""

import numpy as np
import pytest

from mmemo.config import Config
from mmemo.datasets.class_column import table_labels
from mmemo.datasets.table import read_table
from mmemo.errors import DataError
from mmemo.labels import EMOTIONS
from pipelines.data.load import load_data

SEVEN = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
READS_WORDS = {"modalities": ["text"], "pretrained": {"name": "minilm-l6"},
               "text": {"known_words": 0, "word_bag": False}}  # fmt: skip


def config(**data):
    return Config.model_validate({"model": READS_WORDS, "data": data})


def write(path, names, column="emotion", delimiter=","):
    rows = [f"{path.stem}{n}{delimiter}so it was{delimiter}{name}" for n, name in enumerate(names)]
    header = delimiter.join(["video_id", "text", column])
    path.write_text("\n".join([header, *rows]))
    return path


def truth(dataset):
    return np.array([clip.clip.intensities for clip in dataset.clips])


@pytest.mark.parametrize("column", ["emotion", "Label", "LABELS"])
@pytest.mark.parametrize(("name", "delimiter"), [("train.csv", ","), ("train.TSV", "\t")])
def test_names_in_one_column_become_the_labels(tmp_path, column, name, delimiter):
    dataset = load_data([write(tmp_path / name, SEVEN[::-1], column, delimiter)], config())
    assert dataset.labels == SEVEN
    np.testing.assert_array_equal(truth(dataset), np.eye(7)[::-1])


def test_parts_of_a_data_set_share_the_names_of_all(tmp_path):
    files = [write(tmp_path / "train.csv", SEVEN[:5]), write(tmp_path / "valid.csv", SEVEN[4:])]
    dataset = load_data(files, config())
    assert dataset.labels == SEVEN
    assert [clip.clip.split for clip in dataset.clips] == ["train"] * 5 + ["valid"] * 3
    np.testing.assert_array_equal(truth(dataset).argmax(axis=1), [*range(5), *range(4, 7)])


def test_a_part_without_a_rare_class_has_the_labels_of_the_model(tmp_path):
    dataset = load_data([write(tmp_path / "test.csv", ["joy", "fear"])], config(), SEVEN)
    assert dataset.labels == SEVEN
    np.testing.assert_array_equal(truth(dataset).argmax(axis=1), [3, 2])


def test_names_of_the_six_emotions_keep_their_order(tmp_path):
    path = write(tmp_path / "train.csv", ["Joy", "sad; angry", ""])
    dataset = load_data([path], config())
    assert dataset.labels == EMOTIONS
    assert dataset.clips[2].clip.intensities is None
    expected = [[1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0]]
    np.testing.assert_array_equal([c.clip.intensities for c in dataset.clips[:2]], expected)


def test_configured_labels_have_columns_of_numbers(tmp_path):
    (tmp_path / "train.csv").write_text("video_id,text,calm,awe\nv,so it was,0,1\nw,no,2,0\n")
    dataset = load_data([tmp_path / "train.csv"], config(labels=["awe", "calm"]))
    np.testing.assert_array_equal(truth(dataset), [[1, 0], [0, 2]])


def test_a_column_of_names_beside_numbers_is_not_read(tmp_path):
    header = ",".join(["video_id", "text", "emotion", *EMOTIONS])
    (tmp_path / "train.csv").write_text(f"{header}\nv,so it was,neutral,1,0,0,0,0,2\n")
    dataset = load_data([tmp_path / "train.csv"], config())
    np.testing.assert_array_equal(truth(dataset), [[1, 0, 0, 0, 0, 2]])


def test_a_name_that_is_no_label_is_refused_with_its_line(tmp_path):
    path = write(tmp_path / "train.csv", ["joy", "awe"])
    assert table_labels([path]) == ("awe", "joy")
    with pytest.raises(DataError, match=r"train\.csv, line 3: expected labels among .*got 'awe'"):
        read_table(path, EMOTIONS)
