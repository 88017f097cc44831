import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmemo.errors import DataError
from mmemo.labels import EMOTIONS
from mmemo.metrics import multilabel_metrics
from mmemo.metrics.consistency import (
    FIGURES,
    GoldCounts,
    Printed,
    ScoreProgram,
    contradictions,
    explanations,
    is_fraction,
    not_whole,
    repairs,
)
from mmemo.metrics.label_consistency import label_contradictions

MOSEI_TEST = GoldCounts(6, sizes=(702, 2280, 1133, 410, 114, 19, 1))


def printed(**scores):
    return {name: Printed.read(text) for name, text in scores.items()}


def system(seed, clips):
    rng = np.random.default_rng(seed)
    truth = rng.random((clips, 6)) < rng.choice([0, 0.2, 0.5], size=(clips, 1))
    pred = truth ^ (rng.random((clips, 6)) < rng.uniform(0, 0.5))
    return truth.astype(int), pred.astype(int)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(2, 6), st.booleans())
def test_true_scores_never_contradict(seed, clips, digits, cut):
    truth, pred = system(seed, clips)
    scores = multilabel_metrics(truth=truth, pred=pred)
    step = 10**digits
    texts = {
        name: f"{np.floor(scores[name] * step) / step if cut else scores[name]:.{digits}f}"
        for name in FIGURES
    }
    figures = printed(**texts)
    full = GoldCounts.of(truth)
    for gold in (full, GoldCounts(6, full.clips, full.positives), GoldCounts(6)):
        assert contradictions(figures, gold) == ()
    if not cut:
        assert not_whole(figures, full) == {}
    for name in ("hamming_loss", "acc_jaccard_empty0", "micro_f1"):
        others = {other: figure for other, figure in figures.items() if other != name}
        low, high = ScoreProgram(full).span(name, others)
        assert low - 1e-6 <= scores[name] <= high + 1e-6


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_swapped_precision_and_recall_are_found_by_the_hamming_loss(seed):
    truth, pred = system(seed, 300)
    scores = multilabel_metrics(truth=truth, pred=pred)
    precision, recall = scores["micro_precision"], scores["micro_recall"]
    loss, gold = scores["hamming_loss"], GoldCounts.of(truth)
    # The loss of the swapped pair must differ from the printed one.
    hits = precision * gold.positives
    swapped_loss = (gold.positives + hits / recall - 2 * hits) / (6 * gold.clips) if recall else 0
    assume(precision > 0.2 and recall > 0.2 and abs(swapped_loss - loss) > 0.01)
    figures = printed(
        micro_precision=f"{recall:.3f}", micro_recall=f"{precision:.3f}", hamming_loss=f"{loss:.3f}"
    )
    assert contradictions(figures, gold)
    assert "precision and recall are swapped" in explanations(figures, gold)


def test_a_hamming_loss_that_precision_and_recall_exclude():
    figures = printed(micro_precision=".525", micro_recall=".603", hamming_loss=".180")
    [contradiction] = contradictions(figures, MOSEI_TEST)
    assert set(contradiction.figures) == {"micro_precision", "hamming_loss"}  # whatever the recall
    assert ScoreProgram(MOSEI_TEST).span(
        "hamming_loss", printed(micro_precision=".525", micro_recall=".603")
    ) == pytest.approx((0.214, 0.214), abs=1e-3)
    first, *_ = repairs(figures, MOSEI_TEST)
    assert first.figure == "hamming_loss"
    assert (first.low, first.high) == pytest.approx((0.214, 0.214), abs=1e-3)
    assert first.digits == pytest.approx(32, abs=2)  # .213 instead of .180


def test_a_slip_of_one_digit_is_distinct_from_a_large_one():
    scores = printed(micro_precision=".550", micro_recall=".459", hamming_loss=".209")
    first, *_ = repairs(scores, MOSEI_TEST)
    assert first.figure == "hamming_loss"
    assert 0 < first.digits < 2
    assert repairs(printed(micro_precision=".550", hamming_loss=".208"), MOSEI_TEST) == ()


def test_an_f1_that_is_not_the_harmonic_mean():
    figures = printed(micro_precision=".629", micro_recall=".504", micro_f1=".516")
    [contradiction] = contradictions(figures, GoldCounts(6))
    assert contradiction.figures == ("micro_precision", "micro_recall", "micro_f1")
    assert contradiction.implied["micro_f1"] == pytest.approx((0.5596, 0.5596), abs=2e-3)


def test_a_score_that_no_system_can_reach():
    span = ScoreProgram(MOSEI_TEST).span("acc_jaccard_empty0", {})
    assert span[1] == pytest.approx(0.8493, abs=5e-5)
    [contradiction] = contradictions(printed(acc_jaccard_empty0=".86"), MOSEI_TEST)
    assert contradiction.figures == ("acc_jaccard_empty0",)
    causes = explanations(printed(acc_jaccard_empty0=".86"), MOSEI_TEST)
    assert "the accuracy counts an empty pair as 1" in causes


def test_recall_is_a_fraction_of_the_true_labels():
    right = f"{4164 / 6333:.6f}"
    figures = printed(micro_precision=right, micro_recall="0.500123")
    assert not_whole(figures, MOSEI_TEST) == {"micro_recall": 6333}
    assert explanations(figures, MOSEI_TEST)[0] == "precision and recall are swapped"
    assert is_fraction(Printed.read(right), 6333)
    assert not_whole(printed(micro_recall=".5001"), MOSEI_TEST) == {}


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("0.480", 0.4795, 0.481), (".48", 0.475, 0.49), ("48.0 %", 0.4795, 0.481), ("1", 0.5, 1.0)],
)
def test_the_last_digit_gives_the_precision(text, low, high):
    score = Printed.read(text)
    assert (score.low, score.high) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize("text", ["48.0", "-0.1", "nan", "x", "", "120 %", "inf"])
def test_other_texts_are_refused(text):
    with pytest.raises(DataError, match="expected a score"):
        Printed.read(text)


def test_counts_that_do_not_add_up_are_refused():
    with pytest.raises(DataError, match="add up to 5 clips; got 3"):
        GoldCounts(2, clips=5, sizes=(1, 1, 1))
    with pytest.raises(DataError, match="clips with 0 to 2 labels"):
        GoldCounts(2, sizes=(1, 1))
    with pytest.raises(DataError, match="got 'auc'"):
        contradictions(printed(auc="0.5"), GoldCounts(2))


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_true_scores_of_labels_never_contradict(seed, digits):
    truth, pred = system(seed, 80)
    scores = multilabel_metrics(truth=truth, pred=pred)
    per_label = {
        score: {
            label: Printed.read(f"{label_scores[score]:.{digits}f}")
            for label, label_scores in scores["per_label"].items()
        }
        for score in ("precision", "recall", "f1")
    }
    means = printed(
        **{
            f"{average}_{score}": f"{scores[f'{average}_{score}']:.{digits}f}"
            for average in ("micro", "macro", "weighted")
            for score in ("precision", "recall", "f1")
        }
    )
    counts = dict(zip(EMOTIONS, truth.sum(axis=0).tolist(), strict=True))
    assert label_contradictions(per_label, means, counts) == ()
    assert label_contradictions(per_label, means, None) == ()


def test_scores_of_labels_that_cannot_be():
    per_label = {
        "precision": printed(a=".5", b=".40"),
        "recall": printed(a=".5", b=".40"),
        "f1": printed(a=".5", b=".30"),
    }
    means = printed(macro_f1=".80", micro_recall=".49", weighted_recall=".3")
    messages = label_contradictions(per_label, means, {"a": 3, "b": 1})
    assert [line.split()[0] for line in messages] == ["b:", "the", "the", "weighted"]
    assert "macro_f1 0.3725 to 0.4550" in messages[2]
