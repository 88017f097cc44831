"""Tables and matrices in the forms that people have: the same scores from each."""

import gzip
import json

import numpy as np
import pytest

from mmemo.errors import DataError
from mmemo.labels import EMOTIONS
from pipelines.cli import main
from pipelines.evaluation.score import read_gold
from pipelines.evaluation.sheets.files import read_sheet

CLASSES = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
TRUTH = np.random.default_rng(0).integers(0, 2, (20, 6))
TRUTH[0] = 1


def table(separator=",", cell=str):
    rows = [["id", *EMOTIONS]]
    rows += [[f"c{n}", *map(cell, row)] for n, row in enumerate(TRUTH.tolist())]
    return "\n".join(separator.join(row) for row in rows) + "\n"


FORMS = {
    "commas.CSV": table(),
    "semicolons.csv": table(";"),
    "tabs.csv": table("\t"),
    "tabs.tsv": table("\t"),
    "booleans.csv": table(cell=lambda value: str(bool(value))),
    "matrix.txt": "\n".join(" ".join(map(str, row)) for row in TRUTH.tolist()),
    "matrix_commas.txt": "\n".join(",".join(map(str, row)) for row in TRUTH.tolist()),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_form_of_a_table_does_not_change_the_truth(tmp_path, name):
    path = tmp_path / name
    path.write_text(FORMS[name])
    np.testing.assert_array_equal(read_gold(path).truth, TRUTH)


def test_gzipped_names_in_capitals_and_arrays_are_read(tmp_path):
    path = tmp_path / "GOLD.CSV.GZ"
    path.write_bytes(gzip.compress(table(";").encode()))
    np.testing.assert_array_equal(read_gold(path).truth, TRUTH)
    for kind in (np.int64, np.bool_, np.float32):
        np.save(tmp_path / "gold.npy", TRUTH.astype(kind))
        np.testing.assert_array_equal(read_gold(tmp_path / "gold.npy").truth, TRUTH)


@pytest.mark.parametrize("column", ["label", "emotion", "labels", "truth"])
@pytest.mark.parametrize("names", [CLASSES, ("0", "1", "2", "3")])
def test_one_column_of_any_labels_is_scored(tmp_path, column, names, capsys):
    rng = np.random.default_rng(1)
    truth = [*names, *rng.choice(names, 30)]
    right = rng.random(len(truth)) < 0.7
    pred = [t if ok else rng.choice(names) for t, ok in zip(truth, right, strict=True)]
    for name, answers, head in (("gold", truth, column), ("pred", pred, "label")):
        lines = [f"id;{head}", *(f"c{n};{answer}" for n, answer in enumerate(answers))]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    files = [str(tmp_path / "pred.csv"), "--gold", str(tmp_path / "gold.csv")]
    assert main(["score", *files, "--json"]) == 0
    shown = capsys.readouterr()
    assert "has the labels" in shown.err
    (decoder,) = json.loads(shown.out)["decoders"].values()
    expected = np.mean([t == p for t, p in zip(truth, pred, strict=True)])
    assert decoder["exact_match"] == pytest.approx(expected)


def test_six_emotions_stay_the_labels_where_all_names_are_among_them(tmp_path):
    path = tmp_path / "gold.csv"
    path.write_text("id,label\na,joy\nb,Fear\n")
    assert read_gold(path).labels == EMOTIONS


def test_a_column_of_classes_beside_numbers_is_not_the_truth(tmp_path):
    path = tmp_path / "gold.csv"
    lines = table().splitlines()
    lines = [f"{line},{'neutral' if n else 'emotion'}" for n, line in enumerate(lines)]
    path.write_text("\n".join(lines))
    gold = read_gold(path)
    assert gold.labels == EMOTIONS
    np.testing.assert_array_equal(gold.truth, TRUTH)


@pytest.mark.parametrize("shape", [(4, 7), (4,), (4, 1, 6)])
def test_arrays_of_other_shapes_are_refused(tmp_path, shape):
    np.save(tmp_path / "p.npy", np.zeros(shape))
    with pytest.raises(DataError, match=r"p\.npy: expected an array of shape \(clips, 6\)"):
        read_sheet(tmp_path / "p.npy")


def test_broken_matrices_are_refused_in_one_line(tmp_path):
    (tmp_path / "short.txt").write_text("0 1 0 0 0 1\n0 1\n")
    with pytest.raises(DataError, match=r"row 2: expected 6 numbers, .*got 2"):
        read_sheet(tmp_path / "short.txt")
    np.save(tmp_path / "nan.npy", np.full((2, 6), np.nan))
    with pytest.raises(DataError, match="finite"):
        read_sheet(tmp_path / "nan.npy")
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match="expected an array"):
        read_sheet(tmp_path / "cut.npy")
    np.save(tmp_path / "objects.npy", np.array([[None] * 6]))
    with pytest.raises(DataError, match="expected an array"):
        read_sheet(tmp_path / "objects.npy")


NUMBERS = np.random.default_rng(2).integers(0, len(CLASSES), 40)
NUMBERS[: len(CLASSES)] = range(len(CLASSES))
"""Each of the seven classes occurs."""


CLASS_FILES = {
    "classes.csv": lambda path, numbers: path.write_text(
        "\n".join(["ID,Label", *(f"c{n},{number}" for n, number in enumerate(numbers))])
    ),
    "floats.csv": lambda path, numbers: path.write_text(
        "\n".join(["id;emotion", *(f"c{n};{number}.0" for n, number in enumerate(numbers))])
    ),
    "lines.txt": lambda path, numbers: path.write_text("\n".join(map(str, numbers))),
    "classes.npy": lambda path, numbers: np.save(path, np.array(numbers)),
    "classes.npz": lambda path, numbers: np.savez(path, truth=np.array(numbers)),
    "answers.npz": lambda path, numbers: np.savez(path, pred=np.array(numbers)),
    "scalars.json": lambda path, numbers: path.write_text(
        json.dumps([{"id": f"c{n}", "labels": number} for n, number in enumerate(numbers)])
    ),
    "lists.jsonl": lambda path, numbers: path.write_text(
        "\n".join(json.dumps({"id": f"c{n}", "labels": [x]}) for n, x in enumerate(numbers))
    ),
}


@pytest.mark.parametrize("name", CLASS_FILES)
def test_class_numbers_count_the_named_labels(tmp_path, name, caplog):
    CLASS_FILES[name](tmp_path / name, NUMBERS.tolist())
    gold = read_gold(tmp_path / name, CLASSES)
    assert gold.labels == CLASSES
    np.testing.assert_array_equal(gold.truth, np.eye(len(CLASSES))[NUMBERS])
    assert "class numbers are read as 0 anger, 1 disgust" in caplog.text


@pytest.mark.parametrize("name", sorted(CLASS_FILES.keys() - {"classes.npz"}))
def test_class_numbers_meet_names_by_their_order(tmp_path, name, capsys):
    CLASS_FILES[name](tmp_path / name, NUMBERS.tolist())
    rows = [f"c{n},{CLASSES[number]}" for n, number in enumerate(NUMBERS)]
    (tmp_path / "gold.csv").write_text("\n".join(["id,emotion", *rows]))
    files = [str(tmp_path / name), "--gold", str(tmp_path / "gold.csv")]
    assert main(["score", *files, "--labels", *CLASSES, "--json"]) == 0
    decoders = json.loads(capsys.readouterr().out)["decoders"]
    assert {scores["exact_match"] for scores in decoders.values()} == {1.0}


@pytest.mark.parametrize("name", CLASS_FILES)
def test_class_numbers_from_one_are_refused(tmp_path, name):
    CLASS_FILES[name](tmp_path / name, (NUMBERS + 1).tolist())
    with pytest.raises(DataError, match=r"expected class numbers from 0 to 6, for anger.*got 7"):
        read_gold(tmp_path / name, CLASSES)


def test_json_may_have_one_name_per_clip(tmp_path):
    names = {f"c{n}": CLASSES[number] for n, number in enumerate(NUMBERS)}
    (tmp_path / "gold.json").write_text(json.dumps(names))
    truth = read_gold(tmp_path / "gold.json", CLASSES).truth
    np.testing.assert_array_equal(truth, np.eye(len(CLASSES))[NUMBERS])


def test_lines_may_have_several_class_numbers(tmp_path):
    (tmp_path / "ids.txt").write_text("0,3\n27\n4 1 9\n")
    labels = [f"label {n}" for n in range(28)]
    truth = read_gold(tmp_path / "ids.txt", labels).truth
    assert [np.flatnonzero(row).tolist() for row in truth] == [[0, 3], [27], [1, 4, 9]]


def test_labels_that_are_numbers_stay_themselves(tmp_path, caplog):
    (tmp_path / "gold.csv").write_text("id,label\na,3\nb,1\nc,10\nd,2\n")
    gold = read_gold(tmp_path / "gold.csv")
    assert gold.labels == ("1", "2", "3", "10")
    np.testing.assert_array_equal(gold.truth, np.eye(4)[[2, 0, 3, 1]])
    assert "class numbers" not in caplog.text
