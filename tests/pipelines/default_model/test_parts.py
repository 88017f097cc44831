"""What the shipped model learns from: simulated faces, cut voices, composed recordings."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from extractors.facet.action_units import ACTION_UNITS, EMOTIONS, MAX_EVIDENCE, load_calibration
from extractors.facet.extractor import FacetExtractor
from mmemo.batching.batch import ClipArrays, by_video
from mmemo.batching.pooling import pool, windows
from mmemo.checkpoint import Checkpoint, TrainedOn
from mmemo.config import Config, DataConfig
from mmemo.errors import DataError, FeatureError
from mmemo.features import Clip, ClipFeatures, Features
from mmemo.labels import EMOTIONS as LABELS
from mmemo.labels import to_set_index
from mmemo.model.emotion_model import build_model
from pipelines.default_model.calibrate import WITHOUT_WORDS, calibrate
from pipelines.default_model.compose import SUBSETS, Composer, Parts
from pipelines.default_model.faces import PROTOTYPES, FaceSimulator, pooled, unit_activity
from pipelines.default_model.voices import VoicePool, cut_voices

NAMES = FacetExtractor.names
FPS, PER_ROW = 10.0, 5


def track(rng, n=40):
    """A face of no emotion that trembles around its own units."""
    values = rng.normal(0, 0.2, (n, len(NAMES))) + rng.normal(0, 1, len(NAMES))
    starts = np.arange(n) / FPS
    times = np.column_stack([starts, starts + 1 / FPS])
    return Features(values, times, np.ones(n, bool), NAMES, "facet:test")


@pytest.fixture(scope="module")
def simulator():
    rng = np.random.default_rng(0)
    return FaceSimulator(load_calibration(), [track(rng) for _ in range(3)], PER_ROW)


def column(name):
    return NAMES.index(name)


def shown(*labels, clips=1, strength=1.0):
    table = np.zeros((clips, len(LABELS)))
    table[0, [LABELS.index(label) for label in labels]] = strength
    return table


class TestFaces:
    def test_rows_are_pooled_as_arrange_pools_pictures(self):
        movement = track(np.random.default_rng(1), n=30)
        expected = pool(movement, windows(3.0, 0.5), spread=True)
        assert pooled(movement.values.astype(float), PER_ROW) == pytest.approx(
            expected.values, abs=1e-5
        )

    @pytest.mark.parametrize("emotion", LABELS)
    def test_an_emotion_moves_its_own_units_up_and_no_others(self, simulator, emotion):
        moved = Counter()
        for seed in range(15):
            # The same seed is the same person, who says the same.
            plain = simulator(shown(), [6], np.random.default_rng(seed))[0][0]
            felt = simulator(shown(emotion), [6], np.random.default_rng(seed))[0][0]
            for unit in ACTION_UNITS:
                change = (felt - plain)[:, column(unit)].mean()
                if unit in PROTOTYPES[emotion]:
                    moved[unit] += change
                else:
                    assert change == 0
        # AU4 is hardly followed within a recording, but its level is.
        assert all(moved[unit] > 0 for unit in PROTOTYPES[emotion])

    def test_what_a_person_always_does_is_level_and_what_they_do_once_is_deviation(self, simulator):
        at = column("AU12")

        def change(table, seed):
            gone = [
                np.array([rows[:, at].mean() for rows, _ in simulator(t, [6] * 5, rng)])
                for t in (table, 0 * table)
                for rng in [np.random.default_rng(seed)]
            ]
            return gone[0] - gone[1]

        once, always = [], []
        for seed in range(15):
            once.append(change(shown("happiness", clips=5), seed))
            always.append(change(np.repeat(shown("happiness"), 5, axis=0), seed))
        once, always = np.mean(once, axis=0), np.mean(always, axis=0)
        assert once[0] > 0.1
        assert once[1:] == pytest.approx(0)
        assert always.min() > 0.1

    def test_emotion_columns_follow_from_the_units(self, simulator):
        calibration = load_calibration()
        rows, valid = simulator(shown("happiness"), [8], np.random.default_rng(3))[0]
        units = rows[valid][:, [column(unit) for unit in ACTION_UNITS]]
        expected = units @ calibration.emotion + calibration.emotion_offset
        evidence = rows[valid][:, [column(emotion) for emotion in EMOTIONS]]
        assert evidence == pytest.approx(expected, abs=1e-4)

    def test_rows_are_finite_bounded_and_zero_where_no_face_is_found(self, simulator):
        rng = np.random.default_rng(5)
        lost = 0
        for rows, valid in simulator(rng.uniform(0, 1.3, (30, 6)), [9] * 30, rng):
            assert rows.shape == (9, 2 * len(NAMES))
            assert np.isfinite(rows).all()
            assert np.abs(rows[:, : len(EMOTIONS) + len(ACTION_UNITS)]).max() <= MAX_EVIDENCE
            assert not rows[~valid].any()
            assert valid.any()
            lost += (~valid).sum()
        assert 0 < lost < 60

    def test_units_are_between_0_and_1_and_no_more_than_asked_for(self):
        rng = np.random.default_rng(7)
        strengths = rng.uniform(0, 1, (50, 6))
        activity = unit_activity(strengths, rng)
        assert (activity >= 0).all()
        assert (activity <= strengths.max(axis=1)[:, None]).all()
        assert not unit_activity(np.zeros((3, 6)), rng).any()

    def test_without_a_speaking_face_there_is_none_to_simulate(self):
        with pytest.raises(FeatureError, match="at least one speaking face"):
            FaceSimulator(load_calibration(), [], PER_ROW)


OPTIONS = DataConfig(alignment="frames", frame_s=0.5, pooling="mean_sd")
AUDIO = ("VUV", "MCEP_0", "what")


def voice(level, seconds=3.0, silence=1.0):
    """A voice between two silences; every voiced row says ``level``."""
    n, quiet = round(100 * seconds), round(100 * silence)
    values = np.zeros((n, len(AUDIO)), np.float32)
    values[quiet : n - quiet] = (1.0, 2.0, level)
    starts = np.arange(n) / 100
    return Features(
        values, np.column_stack([starts, starts + 0.01]), np.ones(n, bool), AUDIO, "covarep:test"
    )


def level_of(actor, kind):
    return 10 * (actor + 1) + kind + 1


def acted(actor, kind):
    """One clip of an actor; kind -1 carries no label."""
    intensities = tuple(float(k == kind) for k in range(6))
    clip = Clip(f"{actor}.{kind}", f"actor-{actor}", intensities=intensities, dataset="R")
    return ClipFeatures(clip, {"audio": voice(level_of(actor, kind))})


ACTED = [acted(actor, kind) for actor in range(3) for kind in range(-1, 6)]


class TestVoices:
    def test_silence_around_a_voice_is_cut_off_and_every_way_keeps_the_voice(self):
        for rows in cut_voices(voice(7.0), OPTIONS):
            assert 2 <= len(rows) <= 4
            assert rows.shape[1] == 2 * len(AUDIO)
            assert (rows[:-1, 0] > 0).all()  # the last may hold a margin alone

    def test_a_voice_that_is_nowhere_voiced_is_kept_whole(self):
        audio = voice(7.0, silence=1.5)
        assert len(cut_voices(audio, OPTIONS)[0]) >= 6

    def test_an_actor_without_some_emotion_is_refused(self):
        with pytest.raises(DataError, match="actor-0: expected a voice for every emotion"):
            VoicePool(ACTED[:-15], OPTIONS)

    def test_an_actor_speaks_with_all_the_emotions_asked_for_and_no_others(self):
        voices = VoicePool(ACTED, OPTIONS)
        rng = np.random.default_rng(0)
        for labels in ([], [2], [0, 3], [1, 4, 5]):
            present = np.isin(np.arange(6), labels)
            rows = voices("actor-1", present, 2.0, rng)
            voiced = rows[rows[:, 0] > 0]
            heard = {round(v) for v in voiced[:, 2] / voiced[:, 0]}
            assert heard == {level_of(1, kind) for kind in (labels or [-1])}

    def test_a_microphone_changes_means_and_leaves_deviations(self):
        voices = VoicePool(ACTED, OPTIONS)
        shifts = np.stack([voices.channel(np.random.default_rng(n)) for n in range(20)])
        assert (shifts[:, : len(AUDIO)].std(axis=0) > 0).all()
        assert not shifts[:, len(AUDIO) :].any()


def segments(videos=60, clips=5):
    rng = np.random.default_rng(11)
    return [
        ClipArrays(
            id=f"{video}.{clip}",
            values={"text": np.zeros((6, 0), np.float32)},
            masks={"text": np.ones(6, bool)},
            labels=(rng.random(6) < 0.3).astype(np.float32),
            video=f"v{video}",
            start_s=float(clip),
            words=("so", "it", "was", "a", "long", "day"),
            dataset="M",
        )
        for video in range(videos)
        for clip in range(clips)
    ]


@pytest.fixture(scope="module")
def parts(simulator):
    whole = [
        ClipArrays(
            id=clip.clip.id,
            values={"audio": rows, "text": np.zeros((2, 0), np.float32)},
            masks={"audio": np.ones(len(rows), bool), "text": np.ones(2, bool)},
            labels=np.array(clip.clip.intensities, np.float32),
            video=clip.clip.video_id,
            words=("kids", "talk"),
            dataset="R",
        )
        for clip in ACTED
        for rows in [cut_voices(clip.features["audio"], OPTIONS)[0]]
    ]
    return Parts(segments(), whole, VoicePool(ACTED, OPTIONS), simulator)


class ClearVoices(VoicePool):
    """The same voices without microphone and noise."""

    def channel(self, rng):
        return np.zeros(2 * len(AUDIO), np.float32)

    def tremble(self, rows, rng):
        return rows


@pytest.fixture(scope="module")
def clear(parts):
    return replace(parts, voices=ClearVoices(ACTED, OPTIONS))


def levels_of(clip):
    """Levels of the voiced part of a clip's rows, as ``level_of`` gives them."""
    rows = clip.values.get("audio", np.zeros((0, 2 * len(AUDIO))))
    voiced = rows[rows[:, 0] > 0]
    return {round(v) for v in voiced[:, 2] / voiced[:, 0]}


class TestCompose:
    def test_every_segment_comes_once_an_epoch_with_its_own_labels(self, parts):
        composed = [clip for clip in Composer(parts, seed=0, acted_times=1)(0)]
        by_id = {clip.id: clip for clip in composed if clip.dataset == "M"}
        assert len(by_id) == sum(clip.dataset == "M" for clip in composed) == len(parts.segments)
        for segment in parts.segments:
            assert (by_id[segment.id].labels == segment.labels).all()
        assert sum(clip.dataset == "R" for clip in composed) == len(parts.acted)

    def test_the_same_epoch_is_the_same_and_another_is_another(self, parts):
        composer = Composer(parts, seed=3)

        def heard(epoch):
            return [clip.values.get("audio", np.zeros(0)).tobytes() for clip in composer(epoch)]

        assert heard(1) == heard(1)
        assert heard(1) != heard(2)

    def test_every_subset_of_the_modalities_occurs_and_words_go_with_the_text(self, parts):
        clips = [clip for epoch in range(3) for clip in Composer(parts, seed=1)(epoch)]
        counts = Counter(tuple(sorted(clip.values)) for clip in clips if clip.dataset == "M")
        assert set(counts) == {tuple(sorted(subset)) for subset in SUBSETS}
        for subset, share in SUBSETS.items():
            assert counts[tuple(sorted(subset))] / counts.total() == pytest.approx(share, abs=0.12)
        assert all(bool(clip.words) == ("text" in clip.values) for clip in clips)

    def test_a_recording_has_the_same_modalities_and_one_actor(self, clear):
        clips = Composer(clear, seed=2, acted_times=0)(0)
        for places in by_video(clips):
            recording = [clips[place] for place in places]
            assert len({tuple(clip.values) for clip in recording}) == 1
            assert len({level // 10 for clip in recording for level in levels_of(clip)}) <= 1

    def test_voices_mostly_but_not_always_say_what_the_labels_say(self, clear):
        only_voices = Composer(clear, 4, acted_times=0, subsets={("audio",): 1.0})
        fits = []
        for clip in only_voices(0):
            labels = set(np.flatnonzero(clip.labels)) or {-1}
            fits.append({level % 10 - 1 for level in levels_of(clip)} <= labels)
        assert 0.5 < np.mean(fits) < 0.95


def test_a_model_that_knows_nothing_is_not_believed_without_words(parts):
    """Untrained and made sure of itself, it gets nearly all of its answer from the prior."""
    config = Config.model_validate(
        {"model": {"modalities": ["audio", "visual"], "encoder": {"hidden": 8}}}
    )
    torch.manual_seed(0)
    dims = {"audio": 2 * len(AUDIO), "visual": 2 * len(NAMES)}
    model = build_model(config.model, dims, LABELS)
    model.fit_statistics(Composer(parts, seed=0)(0))
    counts = dict(Counter(to_set_index(np.stack([s.labels for s in parts.segments])).tolist()))
    trained_on = TrainedOn("composed", True, len(parts.segments), counts)
    sure = Checkpoint(model.eval(), config, {}, (0.5,) * 6, trained_on, temperature=0.1)
    partial = calibrate(sure, parts).partial
    assert set(partial) == {frozenset(read) for read in WITHOUT_WORDS}
    assert min(own.prior_share for own in partial.values()) > 0.8
