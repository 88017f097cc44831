"""Every score of multi-label emotion recognition, under a name that states its convention.

Scores of decided sets (``multilabel``, from the sums in ``tally``), of probabilities (``ranking``,
``calibration``), and of clips with one label each (``single_label``); constant answers
(``baselines``), intervals and tests (``resampling``), and whether published scores can be true
(``consistency``, ``label_consistency``). ``checks`` validates the arguments of all.
"""

from mmemo.metrics.baselines import constant_baselines
from mmemo.metrics.multilabel import multilabel_metrics, set_nll
from mmemo.metrics.ranking import (
    PrecisionRecall,
    precision_recall_curve,
    ranking_intervals,
    ranking_metrics,
)
from mmemo.metrics.resampling import (
    Difference,
    Resamples,
    bootstrap_intervals,
    holm,
    paired_differences,
)
from mmemo.metrics.single_label import single_label_metrics
from mmemo.metrics.tally import SCALARS

__all__ = [
    "SCALARS",
    "Difference",
    "PrecisionRecall",
    "Resamples",
    "bootstrap_intervals",
    "constant_baselines",
    "holm",
    "multilabel_metrics",
    "paired_differences",
    "precision_recall_curve",
    "ranking_intervals",
    "ranking_metrics",
    "set_nll",
    "single_label_metrics",
]
