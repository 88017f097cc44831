"""Speech of the espeak-ng library, with the start time of each word.

The shared library and its data come from the package ``espeakng-loader``. espeak-ng is GPL-3: it is
needed to make the sample corpus and for nothing else, and nothing of it is part of this package.
Its interface is that of its public header ``speak_lib.h``, called through ctypes.

The library's noise generator cannot be reset: details of its speech depend on what it has spoken
before in the same process. One fresh process therefore speaks the whole corpus, in order.
"""

import ctypes
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmemo.errors import AssetError
from mmemo.features import Word

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_LIST_TERMINATED, _WORD, _END = 0, 1, 5


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True, eq=False)
class Speech:
    """Mono samples (N,), float32 in -1 to 1, and the words with their times."""

    samples: NDArray[np.float32]
    sample_rate: int
    words: tuple[Word, ...]


class Espeak:
    """The library, loaded and ready.

    Raises:
        AssetError: it is not installed or does not start.
    """

    def __init__(self) -> None:
        try:
            import espeakng_loader
        except ImportError as error:
            raise AssetError(
                "expected espeakng-loader, which speaks the sample corpus; got an import error; "
                "run: pip install 'mmemo[sample]'"
            ) from error
        path, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
        try:
            self._library = ctypes.CDLL(path)
        except OSError as error:
            raise AssetError(
                f"{path}: expected the espeak-ng library; got {error}; "
                "run: pip install --force-reinstall espeakng-loader"
            ) from error
        self.sample_rate = int(
            self._library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _DONT_EXIT)
        )
        if self.sample_rate <= 0:
            raise AssetError(f"{data}: expected espeak-ng's data; the library refused it")
        self._pieces: list[NDArray[np.int16]] = []
        self._events: list[tuple[int, int, int]] = []
        # An attribute: the library has a bare pointer to it.
        self._callback = _Callback(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, wave: Any, n_samples: int, events: Any) -> int:
        if n_samples > 0:
            self._pieces.append(np.ctypeslib.as_array(wave, (n_samples,)).copy())
        for event in itertools.takewhile(lambda event: event.type != _LIST_TERMINATED, events):
            self._events.append((event.type, event.text_position, event.sample))
        return 0

    def say(
        self, words: tuple[str, ...], *, voice: str, pitch: int, pitch_range: int, rate_wpm: int
    ) -> Speech:
        """Return the speech of words as one sentence.

        Args:
            words: plain words, no punctuation.
            voice: an espeak-ng voice, e.g. "en-us+f1".
            pitch: 0 to 99.
            pitch_range: 0 (monotone) to 99.
            rate_wpm: words per minute, 80 to 450.

        Raises:
            AssetError: the library has no such voice or returns no speech.
        """
        library = self._library
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise AssetError(f"expected espeak-ng to have the voice {voice!r}; it does not")
        settings = {_RATE: rate_wpm, _VOLUME: 100, _PITCH: pitch, _RANGE: pitch_range}
        for parameter, value in settings.items():
            library.espeak_SetParameter(parameter, value, 0)
        self._pieces.clear()
        self._events.clear()
        text = " ".join(words).encode()
        library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _UTF8, None, None)
        library.espeak_Synchronize()
        if not self._pieces:
            raise AssetError(f"expected speech from espeak-ng; got nothing for {text.decode()!r}")
        samples = np.concatenate(self._pieces).astype(np.float32) / 32768.0
        return Speech(samples, self.sample_rate, self._timed(words, len(samples)))

    def _timed(self, words: tuple[str, ...], n_samples: int) -> tuple[Word, ...]:
        """Return the words with their times from the events: each lasts until the next one starts.

        Where the voice runs two words into one ("of the"), only the first has an event; they share
        its time in proportion to their letters.
        """
        starts = {position: at for kind, position, at in self._events if kind == _WORD}
        ends = [at for kind, _, at in self._events if kind == _END]
        stop = min(max(ends, default=n_samples), n_samples)
        groups: list[tuple[int, list[str]]] = []
        position = 1
        for word in words:
            if position in starts or not groups:
                groups.append((starts.get(position, 0), [word]))
            else:
                groups[-1][1].append(word)
            position += len(word) + 1
        timed: list[Word] = []
        borders = [start for start, _ in groups] + [stop]
        for (start, group), end in zip(groups, borders[1:], strict=True):
            letters = np.cumsum([0] + [len(word) for word in group])
            edges = (start + (end - start) * letters / letters[-1]) / self.sample_rate
            timed += [Word(w, float(edges[i]), float(edges[i + 1])) for i, w in enumerate(group)]
        return tuple(timed)
