"""Linear-prediction residual: the excitation without the vocal tract's resonances.

Autocorrelation method (Makhoul, "Linear prediction: a tutorial review", Proc. IEEE 1975, eqs. 24-31
and the Levinson-Durbin recursion, eq. 38), frame by frame with overlap-add, as Drugman's pitch,
polarity and closure-instant methods expect it.
"""

import numpy as np
from numpy.typing import NDArray

from extractors.covarep.numerics import compiled, inner_hann


def lp_residual(
    signal: NDArray[np.float64],
    sample_rate: int,
    order: int,
    *,
    frame_s: float = 0.025,
    hop_s: float = 0.005,
    silent: float = 0.0,
    scale: float | None = None,
    model: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Inverse-filter a signal with its own short-time linear predictor.

    Each Hann-windowed frame is filtered by its prediction-error filter, rescaled to its energy, and
    overlap-added; the sum is scaled to a largest magnitude of 1.

    Args:
        signal: (N,) samples.
        sample_rate: in Hz.
        order: of the predictor; ``sample_rate / 1000 + 2`` models speech fully.
        frame_s: length of a frame in seconds.
        hop_s: from one frame to the next in seconds.
        silent: residual of frames without energy; NaN marks all samples of such frames.
        scale: divide by this instead of the largest magnitude.
        model: (N,) signal from which the predictors are estimated instead.

    Returns:
        (N,) residual; the last frame that would reach the signal's end is omitted, so it ends in up
        to ``frame_s`` of zeros.
    """
    length = round(frame_s * sample_rate) + 1
    hop = round(hop_s * sample_rate)
    window = inner_hann(length)
    signal = np.ascontiguousarray(signal, dtype=np.float64)
    model = signal if model is None else np.ascontiguousarray(model, dtype=np.float64)
    residual = _overlap_add(signal, model, window, hop, order, silent)
    if scale is None:
        magnitudes = np.abs(residual[np.isfinite(residual)])
        scale = float(magnitudes.max()) if magnitudes.size else 0.0
    return residual / scale if scale > 0 else residual


@compiled
def linear_prediction(frame: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Find the prediction-error filter of one frame by the autocorrelation method.

    Args:
        frame: (L,) windowed samples.
        order: of the predictor.

    Returns:
        (order + 1,) coefficients, the first 1; NaN where the frame has no energy.
    """
    size = len(frame)
    lags = np.zeros(order + 1)
    for lag in range(min(order + 1, size)):
        lags[lag] = np.dot(frame[lag:], frame[: size - lag])
    coefficients = np.zeros(order + 1)
    if not lags[0] > 0.0:
        coefficients[:] = np.nan
        return coefficients
    coefficients[0] = 1.0
    error = lags[0]
    previous = np.zeros(order + 1)
    for step in range(1, order + 1):
        if error <= 0.0:  # predicted perfectly: higher coefficients are 0
            break
        reflection = lags[step]
        for lag in range(1, step):
            reflection += coefficients[lag] * lags[step - lag]
        reflection = -reflection / error
        previous[:step] = coefficients[:step]
        for lag in range(1, step):
            coefficients[lag] += reflection * previous[step - lag]
        coefficients[step] = reflection
        error *= 1.0 - reflection * reflection
    return coefficients


@compiled
def _overlap_add(
    signal: NDArray[np.float64],
    model: NDArray[np.float64],
    window: NDArray[np.float64],
    hop: int,
    order: int,
    silent: float,
) -> NDArray[np.float64]:
    length = len(window)
    total = np.zeros(len(signal))
    for start in range(0, len(signal) - length, hop):
        frame = signal[start : start + length] * window
        energy = np.dot(frame, frame)
        coefficients = linear_prediction(model[start : start + length] * window, order)
        if np.isnan(coefficients[0]):
            total[start : start + length] += silent
            continue
        filtered = frame.copy()
        for lag in range(1, order + 1):
            for n in range(lag, length):
                filtered[n] += coefficients[lag] * frame[n - lag]
        filtered_energy = np.dot(filtered, filtered)
        if filtered_energy > 0.0:
            filtered *= np.sqrt(energy / filtered_energy)
        total[start : start + length] += filtered
    return total
