r"""Figures of the shipped model: every subset of the channels, unseen people, reliability.

    python -m benchmarks.default_model --mosei DIR --voices DIR DIR --faces DIR --work DIR

The arguments are those of ``python -m pipelines.default_model``, and what that measured is read
from ``--work``. Voices and faces are of people whom the scored model never saw: for each fold of
the speakers another one was learned, exactly like the shipped one (``pipelines.default_model
.unseen``). CMU-MOSEI's validation segments chose the words' operating point; its test segments are
not used. Brackets are 95 % intervals over recordings or speakers.

1. The field's metrics for each subset, each with its own decoder, and constants.
2. Lone voices and faces as they are: mean area under the ROC curve over the emotions, by corpus,
   recorded and degraded; and trained on the other corpora only.
3. The decision for people: precision, recall and false labels per clip.
4. Reliability: how many answers of each word were right. Limits are fitted on one half of the
   recordings and speakers, and counted on the other, and the other way round.
"""

import argparse
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from mmemo.assets.shipped import DEFAULT, find_model
from mmemo.checkpoint import Checkpoint, load_checkpoint
from mmemo.decisions.decoding import decode_hamming, decode_jaccard, decode_threshold
from mmemo.decisions.sure import confidences
from mmemo.decisions.sure_fitting import right
from mmemo.labels import EMOTIONS, all_sets
from mmemo.metrics import multilabel_metrics, set_nll
from mmemo.metrics.calibration import calibration_metrics
from mmemo.metrics.resampling import bootstrap_intervals
from pipelines.default_model.build import SETS, channel_clips, channels_of, validation_clips
from pipelines.default_model.calibrate import PartialAnswers, Trust, answers, subsets
from pipelines.default_model.channel_clips import NONE, ChannelClips
from pipelines.default_model.learn import learned, logits_alone
from pipelines.default_model.unseen import Unseen
from pipelines.evaluation.text_table import grid

Floats = NDArray[np.float64]
METRICS = ("acc_jaccard_empty0", "acc_jaccard_empty1", "hamming_loss", "micro_f1", "macro_f1")
WORDS = ("likely", "possible", "cannot tell")
NAMES = {"text": "words", "audio": "voice", "visual": "face"}
SCORED_SEED = 7
"""Recordings are composed again, not those on which trust and thresholds were fitted."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--run", default=DEFAULT)
    parser.add_argument("--mosei", type=Path, required=True)
    parser.add_argument("--voices", type=Path, nargs="+", required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("runs/default-build"))
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    model = load_checkpoint(find_model(options.run))
    channels = channel_clips(options.voices, options.faces, options.work, model, options.jobs)
    table = options.mosei / "valid.csv.gz"
    clips = validation_clips(model, table, channels, seed=SCORED_SEED)
    trust = {m: channels_of(model).of(m).trusted() for m in channels}
    trust_of = {m: Trust(*values) for m, values in trust.items()}
    by_channels = {read: answers(clips, trust_of, read) for read in subsets()}
    show_metrics(model, by_channels)
    for m, unseen in clips.alone.items():
        show_ranking(NAMES[m], unseen)
    show_other_corpora(channels["audio"])
    show_decision(model, by_channels)
    show_reliability(by_channels)


def show_metrics(model: Checkpoint, by_channels: Mapping[frozenset[str], PartialAnswers]) -> None:
    """Print the field's metrics on composed recordings, and those of constants."""
    rows = [["composed recordings", *METRICS, "set NLL", "ECE", "Brier"]]
    for read, every in by_channels.items():
        clips = every.where(every.composed)
        marginals = _marginals(clips)
        decided = {
            "acc_jaccard_empty0": decode_jaccard(np.exp(clips.set_log_probs)),
            "acc_jaccard_empty1": decode_jaccard(np.exp(clips.set_log_probs), empty_pair=True),
            "hamming_loss": decode_hamming(np.exp(clips.set_log_probs)),
            **{
                metric: decode_threshold(marginals, model.thresholds_of(decoder, [read])[0])
                for metric, decoder in (("micro_f1", "threshold"), ("macro_f1", "macro"))
            },
        }
        cells = [_cell(clips, decided[metric], metric) for metric in METRICS]
        scores = calibration_metrics(truth=clips.truth, probs=marginals, labels=model.labels)
        nll = set_nll(truth=clips.truth, set_log_probs=clips.set_log_probs)
        sure = [f"{value:.3f}" for value in (nll, scores["ece"], scores["brier"])]
        rows.append([_named(read), *cells, *sure])
    truth = clips.truth
    for name, answer in (("always happiness", np.eye(1, truth.shape[1])),):
        constant = np.repeat(answer, len(truth), axis=0).astype(np.int8)
        scores = multilabel_metrics(truth=truth, pred=constant)
        rows.append([name, *(f"{scores[metric]:.3f}" for metric in METRICS), "", "", ""])
    prior = np.tile(np.log(model.trained_on.prior(len(model.labels))), (len(truth), 1))
    nll = f"{set_nll(truth=truth, set_log_probs=prior):.3f}"
    print(grid([*rows, ["training prior", *[""] * len(METRICS), nll, "", ""]]))


def show_ranking(name: str, unseen: Unseen) -> None:
    """Print how well unseen people's clips are ranked, by corpus."""
    logits = unseen.alone()
    rows = [[f"lone {name}", "clips", "mean AUC", *EMOTIONS, "strongest right"]]
    for corpus in np.unique(unseen.clips.corpora):
        for degraded in (False, True):
            chosen = (unseen.clips.corpora == corpus) & (unseen.clips.degraded == degraded)
            if chosen.any():
                part = unseen.clips.where(chosen)
                label = f"{corpus}{', degraded' if degraded else ''}"
                rows.append([label, *_ranking(logits[chosen], part)])
    print(grid(rows))


def show_other_corpora(voices: ChannelClips) -> None:
    """Print how well voices of a corpus are ranked by what was learned from the others."""
    rows = [["trained on the others", "clips", "mean AUC", *EMOTIONS, "strongest right"]]
    for corpus in np.unique(voices.corpora):
        others = voices.where(voices.corpora != corpus)
        model = learned(others, SETS["audio"])
        own = voices.where((voices.corpora == corpus) & ~voices.degraded)
        logits = logits_alone(model, own)
        shared = np.isin(own.kinds, np.unique(others.kinds))
        rows.append([corpus, *_ranking(logits[shared], own.where(shared))])
    print(grid(rows))


def show_decision(model: Checkpoint, by_channels: Mapping[frozenset[str], PartialAnswers]) -> None:
    """Print precision, recall and false labels of the decision for people."""
    rows = [["decision for people", "clips", "precision", "recall", "false per clip", "no label"]]
    for read, every in by_channels.items():
        for composed in (True, False):
            clips = every.where(every.composed == composed)
            if not len(clips.truth):
                continue
            pred = decode_threshold(_marginals(clips), model.thresholds_of("sure", [read])[0])
            hits, weight = (pred & clips.truth).sum(axis=1), clips.weights
            n_predicted = weight @ pred.sum(axis=1)
            rows.append(
                [
                    f"{_named(read)}, {'composed' if composed else 'as they are'}",
                    str(len(pred)),
                    f"{weight @ hits / n_predicted:.3f}" if n_predicted else "none",
                    f"{weight @ hits / (weight @ clips.truth.sum(axis=1)):.3f}",
                    f"{(n_predicted - weight @ hits) / weight.sum():.3f}",
                    f"{weight @ ~pred.any(axis=1) / weight.sum():.3f}",
                ]
            )
    print(grid(rows))


def show_reliability(by_channels: Mapping[frozenset[str], PartialAnswers]) -> None:
    """Print how many answers of each word there are, and how many were right."""
    rows = [["reliability", *(cell for word in WORDS for cell in (word, "right"))]]
    for read, every in by_channels.items():
        half = np.array([zlib.crc32(group.encode()) % 2 == 0 for group in every.groups])
        named, correct = np.empty(len(half), object), np.zeros(len(half), bool)
        for fitted, counted in ((half, ~half), (~half, half)):
            decision, clips = every.where(fitted).decision(), every.where(counted)
            pred = decode_threshold(_marginals(clips), decision.thresholds)
            confidence = confidences(clips.set_log_probs, pred)
            named[counted] = [
                decision.reliability(value, labelled=bool(labels.any()))
                for value, labels in zip(confidence, pred, strict=True)
            ]
            correct[counted] = right(pred, clips.truth)
        cells = []
        for word in WORDS:
            weight = every.weights * (named == word)
            share = weight.sum() / every.weights.sum()
            cells += [f"{share:.3f}", f"{weight @ correct / weight.sum():.3f}" if share else ""]
        rows.append([_named(read), *cells])
    print(grid(rows))


def _ranking(logits: Floats, clips: ChannelClips) -> list[str]:
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    areas = [
        roc_auc_score(clips.kinds == k, log_probs[:, k]) if (clips.kinds == k).any() else np.nan
        for k in range(len(EMOTIONS))
    ]
    emotional = clips.kinds != NONE
    strongest = logits[emotional, :NONE].argmax(axis=1) == clips.kinds[emotional]
    cells = ["" if np.isnan(area) else f"{area:.3f}" for area in areas]
    return [str(len(clips)), f"{np.nanmean(areas):.3f}", *cells, f"{strongest.mean():.3f}"]


def _marginals(clips: PartialAnswers) -> Floats:
    sets = all_sets(clips.truth.shape[1]).astype(np.float64)
    return np.asarray(np.exp(clips.set_log_probs) @ sets)


def _cell(clips: PartialAnswers, pred: NDArray[np.int8], metric: str) -> str:
    value = float(multilabel_metrics(truth=clips.truth, pred=pred)[metric])
    groups: Sequence[str] = clips.groups.tolist()
    low, high = bootstrap_intervals(truth=clips.truth, pred=pred, groups=groups)[metric]
    return f"{value:.3f} [{low:.3f} {high:.3f}]"


def _named(read: frozenset[str]) -> str:
    return " + ".join(name for modality, name in NAMES.items() if modality in read)


if __name__ == "__main__":
    main()
