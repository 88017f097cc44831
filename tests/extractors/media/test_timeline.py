"""The time axis: no gap, no overlap, no repeated frame, for any timestamps."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extractors.media.timeline import GAP_TOLERANCE_S, SampleTrack, Thinner

RATE = 1000
TOLERANCE = round(GAP_TOLERANCE_S * RATE)


def lay(pieces: list[tuple[int | None, int]], begin: int = 0) -> tuple[np.ndarray, SampleTrack]:
    """Place pieces (index, length); values are the piece's number from 1; 0 is a gap."""
    track = SampleTrack(RATE, begin)
    laid = [np.zeros(0, dtype=np.float32)]
    for number, (index, length) in enumerate(pieces, 1):
        gap, samples = track.place(np.full(length, number, dtype=np.float32), index)
        laid += [np.zeros(gap, dtype=np.float32), samples]
    return np.concatenate(laid), track


@given(
    pieces=st.lists(
        st.tuples(st.none() | st.integers(-500, 3000), st.integers(0, 200)), max_size=30
    ),
    begin=st.integers(0, 100),
)
def test_the_track_advances_by_the_samples_it_returns(
    pieces: list[tuple[int | None, int]], begin: int
) -> None:
    laid, track = lay(pieces, begin)
    assert track.position == begin + len(laid)


def test_gaps_become_zeros_and_overlaps_are_cut() -> None:
    laid, _ = lay([(50, 100), (250, 100), (300, 100)])
    assert laid.tolist() == [0] * 50 + [1] * 100 + [0] * 100 + [2] * 100 + [3] * 50


def test_sound_before_the_beginning_is_cut() -> None:
    laid, _ = lay([(-30, 50), (20, 10)])
    assert laid.tolist() == [1] * 20 + [2] * 10


def test_jitter_is_no_gap_but_drift_is_corrected() -> None:
    laid, _ = lay([(0, 100), (100 + TOLERANCE, 100), (200 - TOLERANCE, 100), (None, 10)])
    assert laid.tolist() == [1] * 100 + [2] * 100 + [3] * 100 + [4] * 10
    drifting: list[tuple[int | None, int]] = [(i * 101, 100) for i in range(100)]
    laid, track = lay(drifting)
    assert abs(track.position - (99 * 101 + 100)) <= TOLERANCE + 1


def thin(times: list[float], fps: float, anchor: float = 0.0) -> list[float]:
    thinner: Thinner[int] = Thinner(fps, anchor)
    frames = [thinner.push(time, i) for i, time in enumerate(times)] + [thinner.finish()]
    return [frame[0] for frame in frames if frame is not None]


times_of_frames = st.lists(st.floats(0, 100), max_size=60, unique=True).map(sorted)


@given(times=times_of_frames, fps=st.floats(0.5, 60), anchor=st.floats(0, 1))
def test_one_frame_per_tick_and_it_is_the_nearest(
    times: list[float], fps: float, anchor: float
) -> None:
    chosen = thin(times, fps, anchor)
    assert set(chosen) <= set(times)
    assert chosen == sorted(set(chosen))
    position = {time: round((time - anchor) * fps, 9) for time in times}
    ticks = [np.floor(position[time] + 0.5) for time in chosen]
    assert len(set(ticks)) == len(ticks)
    for time in times:
        tick = np.floor(position[time] + 0.5)
        best = chosen[ticks.index(tick)]
        assert abs(position[best] - tick) <= abs(position[time] - tick)


@given(
    times=times_of_frames,
    fps=st.floats(0.5, 60),
    cut=st.tuples(st.floats(0, 100), st.floats(0, 100)),
)
def test_a_cut_has_the_same_frames_as_the_whole(
    times: list[float], fps: float, cut: tuple[float, float]
) -> None:
    start, end = sorted(cut)
    # Reading begins a tick or more before the cut, and sees one frame beyond it.
    read = [time for time in times if time >= start - 2 / fps]
    beyond = [time for time in read if time >= end][:1]
    read = [time for time in read if time < end] + beyond
    assert [t for t in thin(read, fps) if start <= t < end] == [
        t for t in thin(times, fps) if start <= t < end
    ]
