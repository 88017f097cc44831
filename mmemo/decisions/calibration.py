"""Calibration of a model's distributions over sets.

- A **temperature** on the distribution over sets, fitted on validation clips (Guo et al. 2017,
  section 4.2). It keeps the ranking of the sets.
- A **share of the prior** for clips of which only some modalities were read: the logarithmic pool
  (Genest and Zidek 1986) of the model's distribution and the frequencies of the sets in the
  training data, ``p'(set) ~ p(set) ** (1 - share) * prior(set) ** share``. A model of several
  modalities may be well calibrated with all of them and overconfident with one. A temperature does
  not help there: it would pull towards the uniform distribution, which fits no clip. Checkpoints of
  earlier versions have such shares; channels that add log-odds are limited instead
  (``mmemo.model.channel_evidence``).

``mmemo.metrics.calibration`` measures the result. N clips, K labels; truth may be NaN where a label
is not annotated.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from mmemo.arrays import Bools, Floats, first_wrong
from mmemo.errors import DataError
from mmemo.labels import all_sets
from mmemo.metrics.checks import check_set_table
from mmemo.metrics.multilabel import agreeing_sets

TEMPERATURES = (0.05, 20.0)
"""Range of the search; beyond it a model is uninformative, or was trained on the clips."""
IMPOSSIBLE = -1e4
"""Finite log-probability of an impossible set, since 0 * inf is NaN."""

Read = frozenset[str]
"""The modalities of a clip that a model read."""


@dataclass(frozen=True)
class Calibration:
    """The calibration of a model's distributions; by default none.

    Attributes:
        temperature: divisor of the log-probabilities.
        prior: (2**K,) frequency of each set in the training data, all above 0; (K,) frequency of
            each label where sets are not listed. It is the answer to a clip without any modality:
            such clips are not in the training data, so the model's own answer would be meaningless.
        prior_shares: modalities -> share of the prior in answers to clips of which exactly these
            were read; 0 for others.
    """

    temperature: float = 1.0
    prior: Floats | None = None
    prior_shares: Mapping[Read, float] = field(default_factory=dict)

    def __call__(self, log_probs: ArrayLike, read: Sequence[Read]) -> tuple[Floats, Floats]:
        """Return calibrated distributions over sets, and their marginals.

        Args:
            log_probs: (N, 2**K) of the model.
            read: N sets of the modalities that it read.

        Returns:
            log_probs: (N, 2**K).
            marginals: (N, K) p(label | clip).
        """
        calibrated, marginals = apply_temperature(log_probs, self.temperature)
        if self.prior is None:
            return calibrated, marginals
        shares = self.shares(read)
        changed = shares > 0
        pooled = pool_with_prior(calibrated[changed], self.prior, shares[changed])
        calibrated[changed], marginals[changed] = pooled
        return calibrated, marginals

    def shares(self, read: Sequence[Read]) -> Floats:
        """Return the prior's share in the answer to each of N clips; 1 if nothing was read."""
        return np.array(
            [self.prior_shares.get(modalities, 0.0) if modalities else 1.0 for modalities in read]
        )


def fit_temperature(log_probs: ArrayLike, truth: ArrayLike) -> float:
    """Return the temperature T with the highest likelihood of the true sets.

    ``p_T(set) ~ p(set) ** (1 / T)``: above 1 the model was overconfident, below 1 underconfident.
    Fit it on validation clips, never on test clips.

    Args:
        log_probs: (N, 2**K) log p(set | clip).
        truth: (N, K) of 0 and 1, NaN where unknown.

    Returns:
        T within ``TEMPERATURES``.

    Raises:
        DataError: the shapes do not fit, there is no clip, or a log-probability is NaN or above 0.
    """
    table, agrees = _checked(log_probs, truth)

    def nll(inverse: float) -> float:
        scores = table * inverse
        agreeing = np.where(agrees, scores, -np.inf)
        return float(np.mean(_log_sum_exp(scores) - _log_sum_exp(agreeing)))

    return search_temperature(nll)


def search_temperature(nll: Callable[[float], float]) -> float:
    """Return the temperature within ``TEMPERATURES`` whose inverse has the lowest ``nll``."""
    bounds = tuple(float(-np.log(t)) for t in reversed(TEMPERATURES))
    best = minimize_scalar(
        lambda log_inverse: nll(float(np.exp(log_inverse))),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(-best.x))


def apply_temperature(log_probs: ArrayLike, temperature: float) -> tuple[Floats, Floats]:
    """Return log-probabilities of sets ``(N, 2**K)`` at a temperature, and the marginals (N, K).

    Raises:
        DataError: the temperature is not above 0.
    """
    if not temperature > 0:
        raise DataError(f"expected a temperature above 0; got {temperature}")
    return _normalised(np.asarray(log_probs, dtype=np.float64) / temperature)


def pool_with_prior(
    log_probs: ArrayLike, prior: ArrayLike, shares: ArrayLike
) -> tuple[Floats, Floats]:
    """Return N distributions over sets pooled with the prior.

    Args:
        log_probs: (N, 2**K).
        prior: (2**K,) probabilities above 0.
        shares: (N,) shares of the prior, from 0 to 1.

    Returns:
        log_probs: (N, 2**K).
        marginals: (N, K).

    Raises:
        DataError: a share lies outside [0, 1].
    """
    weight = np.asarray(shares, dtype=np.float64)[:, None]
    wrong = first_wrong(shares, (weight[:, 0] >= 0) & (weight[:, 0] <= 1))
    if wrong is not None:
        raise DataError(f"expected shares of the prior from 0 to 1; got {wrong}")
    finite = np.maximum(np.asarray(log_probs, dtype=np.float64), IMPOSSIBLE)
    return _normalised((1 - weight) * finite + weight * np.log(np.asarray(prior, dtype=np.float64)))


def _normalised(scores: Floats) -> tuple[Floats, Floats]:
    """Return scores of sets (N, 2**K) as log-probabilities, and the marginals (N, K)."""
    normalised = scores - _log_sum_exp(scores)[:, None]
    n_labels = (normalised.shape[1] - 1).bit_length()
    marginals: Floats = np.exp(normalised) @ all_sets(n_labels).astype(np.float64)
    return normalised, np.clip(marginals, 0.0, 1.0)


def _checked(log_probs: ArrayLike, truth: ArrayLike) -> tuple[Floats, Bools]:
    """Return the table of log-probabilities, and which sets (N, 2**K) agree with the truth."""
    y_true, table = check_set_table(truth, log_probs)
    wrong = first_wrong(table, table <= 1e-6)
    if wrong is not None:
        raise DataError(f"expected log-probabilities of 0 or below; got {wrong}")
    return np.maximum(table, IMPOSSIBLE), agreeing_sets(y_true)


def _log_sum_exp(values: Floats) -> Floats:
    highest = values.max(axis=1)
    return np.asarray(np.log(np.exp(values - highest[:, None]).sum(axis=1)) + highest)
