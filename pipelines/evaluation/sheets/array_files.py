"""Truth and predictions as arrays in an ``.npz`` or ``.npy`` file, which is never unpickled.

Arrays: ``ids`` (N,), ``videos`` (N,), ``labels`` (K,) names; ``truth`` (N, K); ``probs`` (N, K);
``set_log_probs`` (N, 2**K); ``answer`` or ``pred`` (N, K), or ``answer_NAME`` for several; and
``lengths_s`` (N,). All optional but one of truth, probabilities and answers. Truth and answers may
also be whole class numbers (N,), from 0 on in the order of the labels.
"""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmemo.arrays import Bools, Floats, LabelSets, first_wrong
from mmemo.errors import DataError
from mmemo.input_files import check_regular
from mmemo.metrics.checks import binary_cells, prob_cells
from pipelines.evaluation.sheets.classes import is_class_array, multihots_numbered
from pipelines.evaluation.sheets.sheet import ONLY_ANSWER, Sheet

_MOST_BYTES = 2**30
_BROKEN = (
    ValueError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, MemoryError, SyntaxError,
    NotImplementedError, RuntimeError,  # a kind of compression that is unknown; a password
)  # fmt: skip
Arrays = Mapping[str, NDArray[np.generic]]


def read_npz(path: Path, labels: Sequence[str]) -> Sheet:
    """Return the sheet of an ``.npz`` file.

    Raises:
        DataError: the file is broken, too large, has objects, or its shapes do not match.
    """
    arrays = _load(path)
    named = tuple(_texts(path, arrays, "labels") or labels)
    answers = {
        ONLY_ANSWER if name in ("answer", "pred") else name.removeprefix("answer_"): array
        for name, array in arrays.items()
        if name in ("answer", "pred") or name.startswith("answer_")
    }
    clips = _clips(path, arrays, answers)
    shape = (clips, len(named))
    return Sheet(
        where=str(path),
        labels=named,
        ids=_texts(path, arrays, "ids", clips),
        videos=_texts(path, arrays, "videos", clips),
        truth=_truth(path, arrays.get("truth"), shape, named),
        answers={
            name: _decisions(path, name, array, shape, named) for name, array in answers.items()
        },
        probs=_probabilities(path, _numbers(path, "probs", arrays.get("probs"), shape)),
        set_log_probs=_numbers(
            path, "set_log_probs", arrays.get("set_log_probs"), (clips, 1 << len(named))
        ),
        lengths_s=_numbers(path, "lengths_s", arrays.get("lengths_s"), (clips,)),
        modalities=_modalities(_texts(path, arrays, "modalities", clips)),
    )


def read_npy(path: Path, labels: Sequence[str]) -> Sheet:
    """Return the sheet of an ``.npy`` file: decisions, probabilities or intensities (N, K).

    Whole numbers (N,) are class numbers.

    Raises:
        DataError: the file is broken or has objects, or has not one column per label.
    """
    try:
        check_regular(path)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise DataError(f"{path}: cannot read it ({error.strerror or error})") from None
    except (ValueError, EOFError, SyntaxError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: expected an array in an .npy file ({reason})") from None
    if isinstance(array, np.ndarray) and is_class_array(array):
        return Sheet(str(path), tuple(labels), answers={ONLY_ANSWER: _classes(path, array, labels)})
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.shape[1] != len(labels):
        raise DataError(
            f"{path}: expected an array of shape (clips, {len(labels)}), for {', '.join(labels)}, "
            "or whole class numbers (clips,); "
            f"got {getattr(array, 'shape', 'several arrays')}; other labels are named with --labels"
        )
    values = _numbers(path, path.name, array, array.shape)
    if values is not None:
        _check_entries(path, "finite numbers", values, np.isfinite(values))
    return Sheet(str(path), tuple(labels), values=values)


def _load(path: Path) -> Arrays:
    try:
        check_regular(path)
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > _MOST_BYTES:
            raise DataError(f"{path}: expected at most 1 GiB of arrays; got {size >> 20} MiB")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except OSError as error:
        raise DataError(f"{path}: cannot read it ({error.strerror or error})") from None
    except _BROKEN as error:
        raise DataError(f"{path}: expected arrays in an .npz file ({error})") from None


def _clips(path: Path, arrays: Arrays, answers: Arrays) -> int:
    for array in (*answers.values(), arrays.get("probs"), arrays.get("truth")):
        if array is not None and (array.ndim == 2 or is_class_array(array)):
            return len(array)
    raise DataError(
        f"{path}: expected 'answer', 'probs' or 'truth' (N, K), or whole class numbers (N,); it "
        f"has none of them, but {', '.join(arrays) or 'nothing'}"
    )


def _numbers(
    path: Path, name: str, array: NDArray[np.generic] | None, shape: tuple[int, ...]
) -> Floats | None:
    if array is None:
        return None
    if array.shape != shape or array.dtype.kind not in "biuf":
        raise DataError(
            f"{path}: expected numbers of shape {shape} in {name!r}; "
            f"got {array.dtype} {array.shape}"
        )
    return array.astype(np.float64)


def _truth(
    path: Path,
    array: NDArray[np.generic] | None,
    shape: tuple[int, ...],
    labels: Sequence[str],
) -> Floats | None:
    if array is not None and is_class_array(array) and array.shape == shape[:1]:
        return _classes(path, array, labels).astype(np.float64)
    truth = _numbers(path, "truth", array, shape)
    if truth is not None:
        known = np.isnan(truth) | binary_cells(truth)
        _check_entries(path, "'truth' of 0, 1, or NaN where it is not known", truth, known)
    return truth


def _classes(path: Path, array: NDArray[np.generic], labels: Sequence[str]) -> LabelSets:
    return multihots_numbered([[number] for number in array.tolist()], labels, str(path))


def _decisions(
    path: Path,
    name: str,
    array: NDArray[np.generic],
    shape: tuple[int, ...],
    labels: Sequence[str],
) -> LabelSets:
    if is_class_array(array) and array.shape == shape[:1]:
        return _classes(path, array, labels)
    values = _numbers(path, name, array, shape)
    if values is None:
        raise DataError(f"{path}: expected answers in {name!r}; there are none")
    _check_entries(path, f"answers of 0 and 1 in {name!r}", values, binary_cells(values))
    return values.astype(np.int8)


def _probabilities(path: Path, values: Floats | None) -> Floats | None:
    if values is not None:
        _check_entries(path, "'probs' from 0 to 1", values, prob_cells(values))
    return values


def _check_entries(path: Path, expected: str, values: Floats, right: Bools) -> None:
    wrong = first_wrong(values, right)
    if wrong is not None:
        raise DataError(f"{path}: expected {expected}; got {wrong}")


def _texts(
    path: Path, arrays: Arrays, name: str, count: int | None = None
) -> tuple[str, ...] | None:
    array = arrays.get(name)
    if array is None:
        return None
    if array.ndim != 1 or array.dtype.kind != "U" or count not in (None, len(array)):
        raise DataError(
            f"{path}: expected one text per clip in {name!r}; got {array.dtype} {array.shape}"
        )
    return tuple(str(text) for text in array)


def _modalities(texts: tuple[str, ...] | None) -> tuple[tuple[str, ...], ...] | None:
    return None if texts is None else tuple(tuple(text.split()) for text in texts)
