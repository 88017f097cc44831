"""One validation for every door: programs, stores and tables are held to the same rules."""

import csv
import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealed_json import write_sealed

from mmemo.config import Config
from mmemo.datasets.clips import read_clips
from mmemo.datasets.dataset import Dataset
from mmemo.datasets.label_map import LabelMapper
from mmemo.datasets.splits import split_named
from mmemo.datasets.table import read_table
from mmemo.errors import DataError, MmemoError
from mmemo.features import Clip, ClipFeatures
from mmemo.labels import ALIASES, EMOTIONS, label_index
from mmemo.store import FeatureStore, StoreInfo
from pipelines.data.load import load_data

GOOD = Clip("a", "v", split="train", end=1.0, intensities=(0.0, 1.0, 3.0, math.nan, 0.5, 0.0))
BAD = {
    "seven values": {"intensities": (0.5, *GOOD.intensities)},
    "five values": {"intensities": GOOD.intensities[1:]},
    "below 0": {"intensities": (-0.5, 0.0, 0.0, 0.0, 0.0, 0.0)},
    "above 3": {"intensities": (0.0, 0.0, 0.0, 0.0, 0.0, 3.5)},
    "infinite": {"intensities": (math.inf, 0.0, 0.0, 0.0, 0.0, 0.0)},
    "no id": {"id": ""},
    "unknown split": {"split": "holdout"},
    "end before start": {"start": 2.0, "end": 1.0},
    "start unknown": {"start": math.nan},
}


def by_program(folder, clip):
    return Dataset("mine", False, (ClipFeatures(clip, {}),))


def by_writing_a_store(folder, clip):
    store = FeatureStore.create(folder / "store", StoreInfo("mine"))
    store.write_manifest([clip])


def by_reading_a_store(folder, clip):
    store = FeatureStore.create(folder / "store", StoreInfo("mine"))
    store.write_manifest([GOOD])
    line = json.loads((store.folder / "clips.jsonl").read_text().splitlines()[-1])
    line |= {name: getattr(clip, name) for name in ("id", "split", "start", "end")}
    line["intensities"] = clip.intensities
    (store.folder / "clips.jsonl").write_text(json.dumps(line) + "\n")
    store.clips()


def by_label_map(folder, clip):
    LabelMapper("mine", EMOTIONS, EMOTIONS)(clip)
    by_program(folder, clip)


@pytest.mark.parametrize("fault", BAD)
@pytest.mark.parametrize("door", [by_program, by_writing_a_store, by_reading_a_store, by_label_map])
def test_every_door_refuses_the_same(tmp_path, door, fault):
    door(tmp_path, GOOD)
    with pytest.raises(DataError) as caught:
        door(tmp_path, replace(GOOD, **BAD[fault]))
    assert "\n" not in str(caught.value)
    assert "expected" in str(caught.value)


def table(folder, name, rows):
    path = folder / name
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


ROW = {"video_id": "v", "segment_id": "0", "text": "so", "start": "0", "end": "1", "split": "train"}


@pytest.mark.parametrize(
    "more",
    [
        {"happiness": "-1"}, {"happiness": "3.5"}, {"split": "holdout"}, {"start": "2"},
        {"happiness": "inf"}, {"fear": ""},
    ],
)  # fmt: skip
def test_tables_refuse_it_too_with_the_line(tmp_path, more):
    zeros = {**ROW, **dict.fromkeys(EMOTIONS, "0")}
    path = table(tmp_path, "mine.csv", [zeros, {**zeros, "segment_id": "1", **more}])
    with pytest.raises(DataError, match=r"mine\.csv, line 3: "):
        read_table(path)
    (tmp_path / "a.wav").touch()
    rows = [{**row, "media": "a.wav", "id": str(at)} for at, row in
            enumerate([zeros, {**zeros, **more}])]  # fmt: skip
    table(tmp_path, "labels.csv", rows)
    with pytest.raises(DataError, match=r"labels\.csv, line 3: "):
        read_clips(tmp_path)


SPELLINGS = {
    "train": ["train", "Training", "TRAIN"],
    "valid": ["valid", "dev", "Dev", "val", "validation", "development"],
    "test": ["test", "Testing", " test "],
}


@pytest.mark.parametrize(
    ("split", "spelling"), [(split, s) for split, names in SPELLINGS.items() for s in names]
)
def test_splits_have_many_names(tmp_path, split, spelling):
    assert split_named(spelling) == split
    row = {**ROW, **dict.fromkeys(EMOTIONS, "0"), "split": spelling}
    assert read_table(table(tmp_path, "mine.csv", [row]))[0].split == split
    if spelling == spelling.strip():
        del row["split"]
        assert read_table(table(tmp_path, f"{spelling}.csv", [row]))[0].split == split


def disguised(name):
    """Draw a name in other letters, with blanks around it."""
    blanks = st.sampled_from(["", " ", "  "])
    return st.builds(
        lambda before, letters, after: before + letters(name) + after,
        blanks,
        st.sampled_from([str.upper, str.title, str]),
        blanks,
    )


@given(st.data())
def test_names_mean_the_same_in_any_letters_and_under_any_alias(data):
    place = data.draw(st.integers(0, 5))
    names = [EMOTIONS[place], *(a for a, label in ALIASES.items() if label == EMOTIONS[place])]
    name = data.draw(st.sampled_from(names).flatmap(disguised))
    assert label_index(name, EMOTIONS) == place
    labels = [data.draw(disguised(label)) for label in EMOTIONS]
    assert label_index(name, labels) == place
    assert label_index("boredom", labels) is None
    # A name that is itself a label is no alias of another.
    assert label_index("joy", ["happiness", "Joy"]) == 1


def test_columns_of_labels_may_have_any_of_their_names(tmp_path):
    names = dict(
        zip(EMOTIONS, ["Joy", " SAD ", "angry", "Surprise", "disgust", "Fear"], strict=True)
    )
    row = {**ROW, **{names[label]: str(at / 2) for at, label in enumerate(EMOTIONS)}}
    (clip,) = read_table(table(tmp_path, "mine.csv", [row]))
    assert clip.intensities == (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)


def test_two_columns_of_one_label_are_refused(tmp_path):
    row = {**ROW, **dict.fromkeys(EMOTIONS, "0"), "Joy": "1"}
    with pytest.raises(
        DataError, match="expected one column for 'happiness'; got 'happiness' and 'Joy'"
    ):
        read_table(table(tmp_path, "mine.csv", [row]))


def test_a_store_of_other_labels_is_not_shifted(tmp_path):
    store = FeatureStore.create(tmp_path / "store", StoreInfo("mine", labels=("joy", "sorrow")))
    clip = Clip("a", "v", split="train", intensities=(1.0, 0.0))
    store.write(ClipFeatures(clip, {}), "key")
    store.write_manifest([clip])
    description = tmp_path / "store" / "store.json"
    about = json.loads(description.read_text()) | {"labels": ["sentiment", "joy", "sorrow"]}
    write_sealed(description, about)
    with pytest.raises(MmemoError, match="got 2 values for 3 labels"):
        load_data([tmp_path / "store"], Config())
