import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmemo.errors import ConfigError, DataError, MmemoError
from mmemo.labels import EMOTIONS, plain_name, to_names
from pipelines.cli import main
from pipelines.evaluation.score import read_gold
from pipelines.evaluation.sheets.files import read_sheet, write_predictions
from pipelines.evaluation.sheets.sheet import Answers, Gold, answers_of, gold_of

CLIPS = 7


def system(seed=0):
    rng = np.random.default_rng(seed)
    truth = (rng.random((CLIPS, 6)) < 0.3).astype(float)
    log_probs = np.log(rng.dirichlet(np.ones(64), size=CLIPS))
    decided = {
        name: (rng.random((CLIPS, 6)) < 0.3).astype(np.int8) for name in ("map", "threshold")
    }
    gold = Gold(
        "gold",
        EMOTIONS,
        tuple(f"vid,{row}[{row}]" for row in range(CLIPS)),
        tuple(f"vid,{row // 2}" for row in range(CLIPS)),
        truth,
        np.where(rng.random(CLIPS) < 0.3, np.nan, rng.uniform(0, 20, CLIPS)),
        tuple(("text", "audio") if row % 2 else ("text",) for row in range(CLIPS)),
    )
    return gold, Answers("model", decided, rng.random((CLIPS, 6)), log_probs)


def assert_same(answers, expected):
    assert set(answers.answers) == set(expected.answers)
    for name, answer in expected.answers.items():
        np.testing.assert_array_equal(answers.answers[name], answer)
    np.testing.assert_array_equal(answers.probs, expected.probs)


@pytest.mark.parametrize("suffix", ["npz", "json", "csv"])
@pytest.mark.parametrize("seed", [0, 1])
def test_written_files_read_back(tmp_path, suffix, seed):
    gold, answers = system(seed)
    path = tmp_path / f"deep/predictions.{suffix}"
    write_predictions(path, gold, answers)
    sheet = read_sheet(path)
    gold_read = gold_of(sheet)
    assert (gold_read.ids, gold_read.videos) == (gold.ids, gold.videos)
    assert gold_read.modalities == gold.modalities
    np.testing.assert_array_equal(gold_read.truth, gold.truth)
    np.testing.assert_array_equal(gold_read.lengths_s, gold.lengths_s)
    answers_read = answers_of(sheet, gold_read)
    assert_same(answers_read, answers)
    assert answers_read.notes == ()
    if suffix == "npz":
        np.testing.assert_array_equal(answers_read.set_log_probs, answers.set_log_probs)


def test_clips_and_labels_may_come_in_another_order(tmp_path):
    gold, answers = system()
    path = tmp_path / "p.npz"
    write_predictions(path, gold, answers)
    rows, columns = [6, 2, 0, 1, 5], [5, 3, 0, 1, 2, 4]
    other = Gold(
        "other",
        tuple(EMOTIONS[k] for k in columns),
        tuple(gold.ids[row] for row in rows),
        tuple(gold.videos[row] for row in rows),
        gold.truth[rows][:, columns],
    )
    reordered = answers_of(read_sheet(path), other)
    np.testing.assert_array_equal(reordered.probs, answers.probs[rows][:, columns])
    np.testing.assert_array_equal(
        reordered.answers["map"], answers.answers["map"][rows][:, columns]
    )
    assert "2 clips of the file are not in other" in reordered.notes[0]
    # The same set has another number where the labels are in another order.
    for new_row, row in enumerate(rows):
        for index in range(64):
            names = to_names((index >> np.arange(6)) & 1)
            moved = sum(1 << other.labels.index(name) for name in names)
            assert reordered.set_log_probs[new_row, moved] == answers.set_log_probs[row, index]


def test_formats_of_other_systems(tmp_path):
    gold, _ = system()
    gold = Gold("gold", EMOTIONS, ("a", "b", "c"), ("a", "b", "c"), gold.truth[:3])
    expected = np.array([[1, 0, 0, 0, 0, 1], [0] * 6, [0, 1, 0, 0, 0, 0]])
    named = [["happy", "fear"], [], ["sadness"]]
    files = {
        "names.json": json.dumps(dict(zip("abc", named, strict=True))),
        "list.json": json.dumps(
            [{"id": i, "labels": n} for i, n in zip("cab", [named[2], *named[:2]], strict=True)]
        ),
        "lines.jsonl": "\n".join(
            json.dumps({"id": i, "prediction": n}) for i, n in zip("abc", named, strict=True)
        ),
        "numbers.json": json.dumps(
            {i: dict(zip(EMOTIONS, map(int, row), strict=True)) for i, row in
             zip("abc", expected, strict=True)}
        ),
        "plain.txt": "happiness fear\n\nsadness\n",
        "commas.txt": "Happy,Fear\n\nSAD\n",
        "names.csv": "id,labels\nc,sadness\na,happiness fear\nb,\n",
        "numbers.csv": "id,sad,happy,fear,disgust,anger,surprise\n"
        "b,0,0,0,0,0,0\na,0,1,1,0,0,0\nc,1,0,0,0,0,0\n",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        answers = answers_of(read_sheet(tmp_path / name), gold)
        np.testing.assert_array_equal(answers.answers["answer"], expected, err_msg=name)
    np.savez(tmp_path / "bare.npz", pred=expected)
    answers = answers_of(read_sheet(tmp_path / "bare.npz"), gold)
    np.testing.assert_array_equal(answers.answers["answer"], expected)
    assert answers.notes == ("clips are matched by their order, not by name",)


def test_probabilities_alone_are_cut_at_the_threshold(tmp_path):
    gold, _ = system()
    gold = Gold("gold", EMOTIONS, ("a",), ("a",), gold.truth[:1])
    path = tmp_path / "p.csv"
    path.write_text("id,sadness,happiness,fear,disgust,anger,surprise\na,.1,.2,.3,.4,.5,.6\n")
    answers = answers_of(read_sheet(path), gold, [0.35])
    assert to_names(answers.answers["threshold"][0]) == ("anger", "surprise", "disgust")
    assert "cut at 0.35" in answers.notes[0]
    own = answers_of(read_sheet(path), gold, [0.2, 0.2, 0.9, 0.9, 0.9, 0.9])
    assert to_names(own.answers["threshold"][0]) == ("happiness",)
    with pytest.raises(DataError, match="one for each of 6 labels; got 2"):
        answers_of(read_sheet(path), gold, [0.1, 0.2])


def test_a_table_of_segments_is_truth(tmp_path):
    path = tmp_path / "valid.csv"
    path.write_text(
        "video_id,segment_id,start,end,text,sentiment,happiness,sadness,anger,surprise,disgust,fear"
        "\nv,0,1.0,3.5,hi there,0,0.33,0,0,0,0,2\nv,1,3.5,4,so,0,0,0,0,0,0,0\n"
    )
    gold = gold_of(read_sheet(path))
    assert gold.ids == ("v[0]", "v[1]")
    assert gold.videos == ("v", "v")
    assert gold.truth.tolist() == [[1, 0, 0, 0, 0, 1], [0] * 6]
    assert gold.lengths_s.tolist() == [2.5, 0.5]


BROKEN = {
    "missing.csv": ("id,labels\na,happiness\n", "1 are missing (b)"),
    "twice.csv": ("id,labels\na,fear\na,fear\nb,fear\n", "each clip once; got 'a' twice"),
    "short.txt": ("fear\n", "each of the 2 clips of gold; got 1"),
    "word.txt": ("fear\nboredom\n", "line 2: expected labels among"),
    "empty.txt": ("", "the file is empty"),
    "empty.csv": ("id,labels\n", "the table is empty"),
    "none.csv": ("id,x\na,1\nb,2\n", "got neither labels nor numbers"),
    "some.csv": ("id,happy\na,1\nb,0\n", "a column for every label; 'sadness' has none"),
    "logits.csv": (
        "id,happiness,sadness,anger,surprise,disgust,fear\na,-3,0,0,0,0,2\nb,0,0,0,0,0,0\n",
        "a logit x is",
    ),
    "not.json": ("{", "expected JSON"),
    "list.json": ("[]", "one object per clip"),
    "number.json": ('{"a": {"fear": 1}, "b": {"fear": 1}}', "a number for every label"),
    "word.json": ('{"a": ["boredom"], "b": []}', "expected labels among"),
    "real.json": ('{"a": 0.5, "b": 1.5}', "clip 1: expected a list of label names; got 0.5"),
    "cut.npz": ("PK\x03\x04 nothing", "expected arrays in an .npz"),
    "other.json": ('{"labels": ["x"], "clips": [{"id": "a", "answer": ["x"]}]}', "got x"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_mismatched_files_are_refused_in_one_line(tmp_path, name):
    text, message = BROKEN[name]
    gold = Gold("gold", EMOTIONS, ("a", "b"), ("a", "b"), np.zeros((2, 6)))
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError) as refused:
        answers_of(read_sheet(tmp_path / name), gold)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_mismatched_arrays_are_refused(tmp_path):
    path = tmp_path / "p.npz"
    for arrays, message in (
        ({"probs": np.full((2, 6), 1.5)}, "from 0 to 1"),
        ({"probs": np.full((2, 6), np.nan)}, "from 0 to 1"),
        ({"answer": np.full((2, 6), 2)}, "of 0 and 1"),
        ({"answer": np.zeros((2, 5))}, r"shape \(2, 6\)"),
        ({"answer": np.zeros((2, 6)), "ids": np.zeros(2)}, "one text per clip in 'ids'"),
        ({"answer": np.zeros((2, 6)), "ids": np.array(["a"])}, "one text per clip in 'ids'"),
        ({"labels": np.array(["a"])}, "it has none"),
        ({"answer": np.array([[None] * 6] * 2, dtype=object)}, "expected arrays"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(DataError, match=message):
            read_sheet(path)


def test_predictions_are_written_in_known_forms_only(tmp_path):
    gold, answers = system()
    with pytest.raises(ConfigError, match=r"in \.npz, \.json or \.csv"):
        write_predictions(tmp_path / "p.txt", gold, answers)
    partly = Gold("g", EMOTIONS, gold.ids, gold.videos, np.where(gold.truth, np.nan, 0.0))
    with pytest.raises(ConfigError, match="not annotated"):
        write_predictions(tmp_path / "p.csv", partly, answers)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_files_never_end_in_another_error(tmp_path, data):
    suffix = data.draw(st.sampled_from(["npz", "json", "csv"]))
    gold, answers = system()
    whole = tmp_path / f"whole.{suffix}"
    if not whole.exists():
        write_predictions(whole, gold, answers)
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(content)))
    damaged = tmp_path / f"damaged.{suffix}"
    damaged.write_bytes(bytes(content[:cut]))
    message = "fine"
    try:
        answers_of(read_sheet(damaged), gold)
    except MmemoError as error:
        message = str(error)
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    "labels",
    [
        ("Joy", "Sadness", "Anger"),
        ("very happy", "so sad"),
        ("very happy", "very", "happy sad", "sad"),
        ("A", "b", "Ça"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "json", "npz"])
@pytest.mark.parametrize("named", [True, False])
def test_predictions_for_any_labels_are_read_back(tmp_path, labels, suffix, named):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (12, len(labels)))
    ids = tuple(f"v[{n}]" for n in range(12))
    gold = Gold("clips", labels, ids, ids, truth.astype(np.float64))
    pred = rng.integers(0, 2, truth.shape).astype(np.int8)
    path = tmp_path / f"p.{suffix}"
    write_predictions(path, gold, Answers("m", {"threshold": pred}, rng.random(truth.shape)))
    read = gold_of(read_sheet(path, labels) if named else read_sheet(path))
    assert [plain_name(label) for label in read.labels] == [plain_name(label) for label in labels]
    np.testing.assert_array_equal(read.truth, truth)
    answers = answers_of(read_sheet(path, read.labels), read)
    np.testing.assert_array_equal(answers.answers["threshold"], pred)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["caps.csv", "caps.json", "blank.csv"])
def test_own_predictions_that_people_brought_are_read_back(shared, name, capsys):
    file = str(shared / "cases/data/capital_labels" / name)
    assert main(["score", file, "--gold", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] > 0


RENAMED = {
    "underscore": lambda name: name.replace("[", "_").rstrip("]"),
    "prefix": lambda name: f"mosei/{name}",
    "position": lambda name: f"clip{hash(name)}",
}


@pytest.mark.parametrize("change", RENAMED)
@pytest.mark.parametrize("suffix", ["csv", "json", "npz"])
def test_ids_that_never_match_are_refused_not_taken_as_an_order(tmp_path, change, suffix):
    gold, answers = system()
    order = np.random.default_rng(1).permutation(CLIPS)
    ids = tuple(RENAMED[change](gold.ids[row]) for row in order)
    other = replace(gold, ids=ids, videos=ids, truth=gold.truth[order])
    shuffled = replace(
        answers,
        answers={name: answer[order] for name, answer in answers.answers.items()},
        probs=answers.probs[order],
        set_log_probs=None,
    )
    path = tmp_path / f"p.{suffix}"
    write_predictions(path, replace(other, lengths_s=None, modalities=None), shuffled)
    with pytest.raises(DataError, match="no id occurs in both") as caught:
        answers_of(read_sheet(path), gold)
    assert str(path) in str(caught.value)


@pytest.mark.shared
def test_ids_that_people_brought(shared, capsys):
    folder = shared / "cases/data/ids_disjoint"
    gold = ["--gold", str(folder / "gold.csv"), "--json"]
    assert main(["score", str(folder / "otherids_shuf.csv"), *gold]) == 1
    assert "no id occurs in both" in capsys.readouterr().err
    assert main(["score", str(folder / "shuf.csv"), *gold]) == 0
    by_id = json.loads(capsys.readouterr().out)
    assert by_id["n"] == 300
    assert by_id["protocol"].get("notes", []) == [] or "order" not in str(by_id["protocol"])


@pytest.mark.parametrize("n_labels", [7, 13, 28])
def test_any_number_of_labels_is_scored(tmp_path, n_labels, capsys):
    rng = np.random.default_rng(0)
    labels = [f"l{n}" for n in range(n_labels)]
    for name, values in (
        ("gold", rng.integers(0, 2, (40, n_labels))),
        ("p", np.round(rng.random((40, n_labels)), 3)),
    ):
        header = ["id", *(("p_" if name == "p" else "") + label for label in labels)]
        rows = [[f"c{n}", *map(str, row)] for n, row in enumerate(values.tolist())]
        lines = [",".join(row) for row in [header, *rows]]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    files = [str(tmp_path / "p.csv"), "--gold", str(tmp_path / "gold.csv")]
    assert main(["score", *files, "--labels", *labels, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["n"] == 40
    # Labels are drawn with probability one half: about K bits per clip, less what 40 clips reveal.
    (prior,) = [value for value in find_key(result, "prior")]
    assert 0.7 * n_labels * np.log(2) < prior["set_nll"] < 1.1 * n_labels * np.log(2)


def find_key(tree, name):
    """Yield the values under a key anywhere in nested objects."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == name:
                yield value
            yield from find_key(value, name)


PLACES = {
    "missing key": ([{"id": "a", "labels": ["fear"]}, {"id": "b"}], "clip 'b': expected 'labels'"),
    "no number": (
        [{"id": "a", "probs": dict.fromkeys(EMOTIONS, 0.5)}, {"id": "b", "probs": {"fear": "x"}}],
        "clip 'b': expected a number; got 'x'",
    ),
    "missing label": (
        [{"id": "a", "probs": dict.fromkeys(EMOTIONS, 0.5)}, {"id": "b", "probs": {"fear": 0.5}}],
        "clip 'b': expected a number for every label in 'probs'; 'happiness' has none",
    ),
    "unknown label": (
        [{"id": "a", "probs": {"awe": 0.5}}],
        "clip 'a': expected labels among happiness",
    ),
    "modalities": (
        [{"id": "a", "labels": [], "modalities": "text"}],
        "clip 'a': expected a list of names in 'modalities'; got 'text'",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_what_is_wrong_in_json_is_named_with_its_clip(tmp_path, name):
    content, message = PLACES[name]
    (tmp_path / "p.json").write_text(json.dumps(content))
    with pytest.raises(DataError) as refused:
        read_sheet(tmp_path / "p.json")
    assert message in str(refused.value)


def test_wrong_entries_of_arrays_are_named_with_their_place(tmp_path):
    wrong = np.zeros((3, 6))
    wrong[2, 4] = 2
    for name, message in (
        ("truth", r"'truth' of 0, 1, or NaN .*got 2\.0 at \[2, 4\]"),
        ("pred", r"answers of 0 and 1 in '\w+'; got 2\.0 at \[2, 4\]"),
        ("probs", r"'probs' from 0 to 1; got 2\.0 at \[2, 4\]"),
    ):
        np.savez(tmp_path / "x.npz", **{name: wrong})
        with pytest.raises(DataError, match=message):
            read_sheet(tmp_path / "x.npz")


def test_truth_below_zero_or_without_labels_is_named_with_its_clip(tmp_path):
    header = ",".join(["id", *EMOTIONS])
    (tmp_path / "gold.csv").write_text(f"{header}\na,0,0,0,0,0,0\nb,0,0,-1,0,0,0\n")
    with pytest.raises(DataError, match="clip 'b': expected intensities of 0 or above; got -1 for"):
        read_gold(tmp_path / "gold.csv")
    (tmp_path / "gold.csv").write_text(f"{header}\na,0,0,0,0,0,0\nb,,,,,,\n")
    with pytest.raises(DataError, match="1 of 2 have no label, such as clip 'b'"):
        read_gold(tmp_path / "gold.csv")
