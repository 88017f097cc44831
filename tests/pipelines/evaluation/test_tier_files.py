"""Labels that were edited in ELAN's and Praat's own libraries come back to their utterances."""

import contextlib
import json

import numpy as np
import parselmouth
import pympi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_report import made_report
from parselmouth.praat import call

from mmemo.errors import MmemoError
from mmemo.labels import EMOTIONS
from pipelines.cli import main
from pipelines.evaluation.score import read_gold
from pipelines.evaluation.sheets.files import read_sheet
from pipelines.prediction.exports import export

PREDICTIONS = [p for p in made_report(6).predictions if p.labels is not None]
LABELLED = [("fear",), (), ("anger", "sadness"), ("happiness",), ("surprise",)]


def edit_elan(path):
    """Relabel the tier as ELAN's library for Python does."""
    eaf = pympi.Elan.Eaf(str(path))
    rows = sorted(eaf.get_annotation_data_for_tier("emotions"))
    for (start, end, _), labels in zip(rows, LABELLED, strict=True):
        eaf.remove_annotation("emotions", (start + end) // 2)
        eaf.add_annotation("emotions", start, end, ", ".join(labels) or "none")
    eaf.to_file(str(path))


def edit_praat(path):
    """Relabel the tier in Praat itself."""
    grid = parselmouth.read(str(path))
    names = [call(grid, "Get tier name", n + 1) for n in range(call(grid, "Get number of tiers"))]
    tier = names.index("emotions") + 1
    labels = iter(LABELLED)
    for n in range(1, call(grid, "Get number of intervals", tier) + 1):
        if call(grid, "Get label of interval", tier, n):
            call(grid, "Set interval text", tier, n, ", ".join(next(labels)) or "none")
    call(grid, "Save as text file", str(path))


@pytest.fixture(params=[("eaf", edit_elan), ("TextGrid", edit_praat)], ids=["eaf", "TextGrid"])
def edited(request, tmp_path):
    """Return the file as it was written, and after the edit."""
    form, edit = request.param
    paths = [tmp_path / name / f"talk.{form}" for name in ("model", "person")]
    for path in paths:
        path.parent.mkdir()
        path.write_bytes(export(form, PREDICTIONS, folder=path.parent))
    edit(paths[1])
    return paths


def test_edited_labels_come_back_to_the_millisecond(edited):
    before, gold = map(read_gold, edited)
    assert gold.ids == before.ids == tuple(f"talk[{p.start:.3f}]" for p in PREDICTIONS)
    for labels, truth in zip(LABELLED, gold.truth, strict=True):
        assert {e for e, present in zip(EMOTIONS, truth, strict=True) if present} == set(labels)
    for prediction, truth in zip(PREDICTIONS, before.truth, strict=True):
        assert np.array_equal(truth, [label in prediction.labels for label in EMOTIONS])
    assert gold.lengths_s == pytest.approx([p.end - p.start for p in PREDICTIONS], abs=2e-3)


def test_edited_labels_are_scored_and_compared(edited, capsys):
    model, person = map(str, edited)
    assert main(["score", model, "--gold", person, "--json"]) == 0
    capsys.readouterr()
    assert main(["agreement", model, person, "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)
    assert result["utterances"] == len(PREDICTIONS)
    same = np.mean([("anger" in p.labels) == ("anger" in n)
                    for p, n in zip(PREDICTIONS, LABELLED, strict=True)])  # fmt: skip
    assert result["equal"]["anger"] == pytest.approx(same, abs=1e-4)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"emotions"', b'"other"', "expected a tier named 'emotions'"),
        (b"none", b"joyful rage", "expected labels among"),
    ],
)
def test_a_wrong_tier_is_one_line(edited, old, new, message, capsys):
    path = edited[1]
    path.write_bytes(path.read_bytes().replace(old, new))
    assert main(["agreement", *map(str, edited)]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_doctype_is_refused(tmp_path):
    path = tmp_path / "talk.eaf"
    path.write_text('<!DOCTYPE a [<!ENTITY b SYSTEM "/etc/hostname">]><a>&b;</a>')
    with pytest.raises(MmemoError, match="without a DOCTYPE"):
        read_sheet(path)


@pytest.mark.parametrize("form", ["eaf", "TextGrid"])
@given(cut=st.integers(0, 6000), flip=st.integers(0, 6000), byte=st.binary(max_size=3))
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, form, cut, flip, byte):
    content = export(form, PREDICTIONS[:2])
    broken = content[:flip] + byte + content[flip + len(byte) :]
    path = tmp_path_factory.getbasetemp() / f"damaged.{form}"
    path.write_bytes(broken[: max(len(broken) - cut, 0)])
    with contextlib.suppress(MmemoError):
        assert read_sheet(path).ids
