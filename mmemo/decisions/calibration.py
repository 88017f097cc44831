"""What makes a model's probabilities mean what they say: two numbers, fitted on validation clips.

- A **temperature** on the distribution over sets (Guo et al. 2017, section 4.2). It changes no
  ranking of the sets.
- A **share of the prior** for clips of which only some modalities were read: the logarithmic pool
  (Genest and Zidek 1986) of what the model says and of how frequent the sets are in the
  training data, ``p'(set) ~ p(set) ** (1 - share) * prior(set) ** share``. A model of several
  modalities may be sure with all of them and too sure with one, where no temperature helps: that
  would pull towards "all sets alike", which no clip is.

``mmemo.metrics.calibration`` measures. N clips, K labels; truth may hold NaN where a label is not
annotated.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from mmemo.arrays import Bools, Floats
from mmemo.errors import DataError
from mmemo.labels import all_sets
from mmemo.metrics.multilabel import agreeing_sets

TEMPERATURES = (0.05, 20.0)
"""What is searched; a model that wants more has nothing to say, or has seen the clips."""
IMPOSSIBLE = -1e4
"""Log-probability of what cannot be: it stays impossible, and 0 * inf is no number."""

Read = frozenset[str]
"""The modalities of a clip that a model read."""


@dataclass(frozen=True)
class Calibration:
    """What stands between a model's distributions and its answers. By default nothing.

    Attributes:
        temperature: what log-probabilities are divided by.
        prior: (2**K,) how frequent each set is in the training data, all above 0. It is the answer
            where a clip has nothing to read: a model never meets such a clip in training, so its
            own answer would mean nothing.
        prior_shares: modalities -> share of the prior in answers to clips of which just these were
            read; 0 for those that are not named.
    """

    temperature: float = 1.0
    prior: Floats | None = None
    prior_shares: Mapping[Read, float] = field(default_factory=dict)

    def __call__(self, log_probs: ArrayLike, read: Sequence[Read]) -> tuple[Floats, Floats]:
        """Calibrate distributions over sets.

        Args:
            log_probs: (N, 2**K) as the model gives them.
            read: N sets of the modalities that it read.

        Returns:
            log_probs: (N, 2**K).
            marginals: (N, K) p(label | clip).
        """
        found, marginals = apply_temperature(log_probs, self.temperature)
        if self.prior is None:
            return found, marginals
        shares = np.array([self.prior_shares.get(held, 0.0) if held else 1.0 for held in read])
        changed = shares > 0
        pooled = pool_with_prior(found[changed], self.prior, shares[changed])
        found[changed], marginals[changed] = pooled
        return found, marginals


def fit_temperature(log_probs: ArrayLike, truth: ArrayLike) -> float:
    """Find the temperature T with the highest likelihood of the true sets.

    ``p_T(set) ~ p(set) ** (1 / T)``: above 1 the model was too sure, below 1 not sure enough. Give
    it validation clips, never test clips.

    Args:
        log_probs: (N, 2**K) log p(set | clip).
        truth: (N, K) of 0 and 1, NaN where unknown.

    Returns:
        T within ``TEMPERATURES``.

    Raises:
        DataError: the shapes do not fit, there is no clip, or a log-probability is NaN or above 0.
    """
    table, agrees = _checked(log_probs, truth)
    weights = np.ones(len(table))

    def nll(log_inverse: float) -> float:
        return _nll(table * np.exp(log_inverse), agrees, weights)

    low, high = (float(-np.log(t)) for t in reversed(TEMPERATURES))
    return float(np.exp(-_lowest(nll, low, high)))


def fit_prior_share(
    log_probs: ArrayLike, truth: ArrayLike, prior: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Find the share of the prior with the highest likelihood of the true sets.

    Args:
        log_probs: (N, 2**K) log p(set | clip), the temperature applied.
        truth: (N, K) of 0 and 1, NaN where unknown.
        prior: (2**K,) probabilities above 0.
        weights: N, how much each clip counts; by default all alike.

    Returns:
        A share from 0 to 1.

    Raises:
        DataError: as ``fit_temperature``.
    """
    table, agrees = _checked(log_probs, truth)
    counts = np.ones(len(table)) if weights is None else np.asarray(weights, dtype=np.float64)
    usual = np.log(np.asarray(prior, dtype=np.float64))

    def nll(share: float) -> float:
        return _nll((1 - share) * table + share * usual, agrees, counts)

    return _lowest(nll, 0.0, 1.0)


def apply_temperature(log_probs: ArrayLike, temperature: float) -> tuple[Floats, Floats]:
    """Rescale log-probabilities of sets ``(N, 2**K)``; return them and the marginals (N, K).

    Raises:
        DataError: the temperature is not above 0.
    """
    if not temperature > 0:
        raise DataError(f"expected a temperature above 0; got {temperature}")
    return _normalised(np.asarray(log_probs, dtype=np.float64) / temperature)


def pool_with_prior(
    log_probs: ArrayLike, prior: ArrayLike, shares: ArrayLike
) -> tuple[Floats, Floats]:
    """Give the prior its share in each of N distributions over sets.

    Args:
        log_probs: (N, 2**K).
        prior: (2**K,) probabilities above 0.
        shares: N of them, from 0 to 1.

    Returns:
        log_probs: (N, 2**K).
        marginals: (N, K).

    Raises:
        DataError: a share lies outside [0, 1].
    """
    weight = np.asarray(shares, dtype=np.float64)[:, None]
    if not ((weight >= 0) & (weight <= 1)).all():
        raise DataError("expected shares of the prior from 0 to 1")
    held = np.maximum(np.asarray(log_probs, dtype=np.float64), IMPOSSIBLE)
    return _normalised((1 - weight) * held + weight * np.log(np.asarray(prior, dtype=np.float64)))


def _normalised(scores: Floats) -> tuple[Floats, Floats]:
    """Turn scores of sets (N, 2**K) into log-probabilities, and add the marginals (N, K)."""
    found = scores - _log_sum_exp(scores)[:, None]
    n_labels = (found.shape[1] - 1).bit_length()
    marginals: Floats = np.exp(found) @ all_sets(n_labels).astype(np.float64)
    return found, np.clip(marginals, 0.0, 1.0)


def _checked(log_probs: ArrayLike, truth: ArrayLike) -> tuple[Floats, Bools]:
    """Return the table of log-probabilities, and which sets (N, 2**K) agree with the truth."""
    table, wanted = np.asarray(log_probs, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if wanted.ndim != 2 or not wanted.size or table.shape != (len(wanted), 1 << wanted.shape[1]):
        raise DataError(
            f"expected log_probs (N, 2**K) and truth (N, K); got {table.shape} and {wanted.shape}"
        )
    if not (table <= 1e-6).all():
        raise DataError("expected log-probabilities of 0 or below; got NaN or other values")
    return np.maximum(table, IMPOSSIBLE), agreeing_sets(wanted)


def _nll(scores: Floats, agrees: Bools, weights: Floats) -> float:
    held = np.where(agrees, scores, -np.inf)
    return float(np.average(_log_sum_exp(scores) - _log_sum_exp(held), weights=weights))


def _lowest(nll: Callable[[float], float], low: float, high: float) -> float:
    best = minimize_scalar(nll, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return float(best.x)


def _log_sum_exp(values: Floats) -> Floats:
    highest = values.max(axis=1)
    return np.asarray(np.log(np.exp(values - highest[:, None]).sum(axis=1)) + highest)
