import contextlib
import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmemo.datasets.clips import read_clips
from mmemo.datasets.source import read_source
from mmemo.datasets.table import read_table
from mmemo.errors import DataError, MmemoError

HEADER = "id,media,video_id,split,start,end,happiness,sadness,anger,surprise,disgust,fear\n"
TABLE = "video_id,segment_id,start,end,text,sentiment," + HEADER.split("end,")[1]


@pytest.fixture
def folder(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"media")
    return tmp_path


def label(folder, *lines, header=HEADER):
    (folder / "labels.csv").write_text(header + "".join(line + "\n" for line in lines))
    return folder


def test_a_labelled_folder(folder):
    label(folder, "x,a.mp4,v1,train,,,1,0,0,0.33,0,0", "y,b.mp4,v2,test,0.5,2.5,,,,,,")
    first, second = read_clips(folder)
    assert (first.id, first.video_id, first.split) == ("x", "v1", "train")
    assert first.media == folder / "a.mp4"
    assert (first.start, first.end) == (0.0, None)
    assert first.intensities == (1, 0, 0, 0.33, 0, 0)
    assert (second.start, second.end, second.intensities) == (0.5, 2.5, None)


def test_id_and_video_default_to_the_file(folder):
    label(folder, "a.mp4", header="media\n")
    (clip,) = read_clips(folder)
    assert (clip.id, clip.video_id, clip.split, clip.intensities) == ("a", "a", None, None)


def test_a_folder_without_labels_is_its_media_files(folder):
    (folder / "notes.txt").write_text("no clip")
    assert [clip.id for clip in read_clips(folder)] == ["a.mp4", "b.mp4"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x,none.mp4,v,train,,,0,0,0,0,0,0", "expected the media file"),
        ("x,../a.mp4,v,train,,,0,0,0,0,0,0", "outside the folder"),
        ("x,,v,train,,,0,0,0,0,0,0", "expected a value for 'media'"),
        ("x,a.mp4,v,holdout,,,0,0,0,0,0,0", "'split' among train, valid, test"),
        ("x,a.mp4,v,train,2,1,0,0,0,0,0,0", "0 <= start < end"),
        ("x,a.mp4,v,train,-1,1,0,0,0,0,0,0", "0 <= start < end"),
        ("x,a.mp4,v,train,,,0,0,0,0,0,", "expected an intensity for all"),
        ("x,a.mp4,v,train,,,0,0,0,0,0,-1", "from 0 to 3"),
        ("x,a.mp4,v,train,,,0,0,0,0,0,nan", "expected a number for 'fear'"),
        ("x,a.mp4,v,train,,,much,0,0,0,0,0", "expected a number for 'happiness'"),
        ("x,a.mp4,v", "expected 12 cells"),
        ("x,a.mp4,v,train,,,0,0,0,0,0,0,7", "expected 12 cells"),
        ('x,"a.mp4,v', "CSV"),
    ],
)
def test_a_bad_line_is_named(folder, line, message):
    label(folder, line)
    with pytest.raises(DataError, match=message) as error:
        read_clips(folder)
    assert "labels.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_id_twice_and_a_video_in_two_splits(folder):
    label(folder, "x,a.mp4,v,train,,,,,,,,", "x,b.mp4,w,train,,,,,,,,")
    with pytest.raises(DataError, match="'x' occurs twice"):
        read_clips(folder)
    label(folder, "x,a.mp4,v,train,,,,,,,,", "y,b.mp4,v,test,,,,,,,,")
    with pytest.raises(DataError, match="'v' is in both train and test"):
        read_clips(folder)


def test_an_unknown_column_is_passed_over_with_a_warning(folder, caplog):
    label(folder, "a.mp4,Ann", header="media,speaker\n")
    assert len(read_clips(folder)) == 1
    assert "'speaker'" in caplog.text


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(DataError, match="there is none"):
        read_clips(tmp_path / "none")
    with pytest.raises(DataError, match="expected media files"):
        read_clips(tmp_path)


def test_a_table(tmp_path):
    path = tmp_path / "valid.csv.gz"
    rows = "v1,0,1.0,3.0,so i am sp glad,1,0.3333,0,0,0,0,0\nv1,1,3.0,4.0,,0,0,0,0,0,0,0\n"
    path.write_bytes(gzip.compress((TABLE + rows).encode()))
    first, second = read_table(path)
    assert (first.id, first.split, first.media) == ("v1[0]", "valid", None)
    assert [word.text for word in first.words] == ["so", "i", "am", "sp", "glad"]
    assert first.words[0].start == 0
    assert first.words[-1].end == pytest.approx(2.0)
    assert first.intensities == (0.3333, 0, 0, 0, 0, 0)
    assert second.words == ()


def test_a_table_under_another_name_has_no_split(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("video_id,text\nv,hello\n")
    (clip,) = read_table(path)
    assert (clip.split, clip.intensities) == (None, None)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"a,b\n1,2\n", TABLE.encode()])
@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_a_broken_table_is_one_line(tmp_path, data, name):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(DataError) as error:
        read_table(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_no_bytes_crash_the_table_reader(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(b"video_id,text\n" + data)
    with contextlib.suppress(MmemoError):
        read_table(path)


def test_a_source_is_a_folder_a_file_or_a_table(folder, tmp_path):
    (folder / "corpus.json").write_text('{"name": "demo", "demonstration": true}')
    assert read_source(folder).info.demonstration
    assert [clip.id for clip in read_source(folder / "a.mp4").clips] == ["a.mp4"]
    with pytest.raises(DataError, match="there is none"):
        read_source(tmp_path / "none")


@pytest.mark.shared
def test_the_real_tables(shared):
    train = read_table(shared / "data/mosei_text/train.csv.gz")
    valid = read_table(shared / "data/mosei_text/valid.csv.gz")
    assert (len(train), len(valid)) == (16327, 1871)
    assert {clip.split for clip in train} == {"train"}
    assert not {clip.video_id for clip in train} & {clip.video_id for clip in valid}
