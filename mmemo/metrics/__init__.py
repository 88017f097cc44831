"""Every score of multi-label emotion recognition, under names that say which convention is meant.

Scores of decided sets (``multilabel``, made of the sums in ``tally``), of probabilities
(``ranking``, ``calibration``), of clips with one label each
(``single_label``); what is reached without looking (``baselines``), how sure a score is
(``resampling``), and whether published scores can be true (``consistency``).
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
