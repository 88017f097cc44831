"""Words in extraction: transcripts without times, pauses, the store."""

import json
import logging
import shutil

import pytest
from plain_clips import first_clip

from extractors.clip import ClipExtractor
from extractors.text.pauses import without_pauses
from mmemo.config import FeatureConfig
from mmemo.datasets.clips import read_clips
from mmemo.features import PAUSE, Clip
from mmemo.store import FeatureStore, StoreInfo

RUSSIAN = "\u044f \u043d\u0435 \u0437\u043d\u0430\u044e \u043f\u043e\u0447\u0435\u043c\u0443"


@pytest.fixture(scope="module")
def extractor():
    return ClipExtractor(FeatureConfig(modalities=("text", "audio")))


@pytest.fixture
def spoken(corpus, tmp_path):
    """One clip without its transcript, and the transcript's words with their start times."""
    source = first_clip(corpus)
    content = json.loads(source.with_suffix(".json").read_text())
    words = content["words"] if isinstance(content, dict) else content
    media = shutil.copy(source, tmp_path / "clip.mp4")
    return media, [(w.get("text") or w["word"], w["start"]) for w in words]


def near(words, transcript):
    assert [word.text for word in words] == [text for text, _ in transcript]
    apart = [abs(word.start - start) for word, (_, start) in zip(words, transcript, strict=True)]
    return sum(s <= 0.1 for s in apart) / len(apart)


def test_plain_text_beside_a_video_is_aligned_with_its_sound(spoken, extractor):
    media, transcript = spoken
    media.with_suffix(".txt").write_text(" ".join(text for text, _ in transcript))
    extracted = extractor(Clip("a", "a", media=media))
    assert near(without_pauses(extracted.clip.words), transcript) > 0.8
    assert extracted.features["text"].valid.any()
    # A part of the recording gets its part of the transcript.
    cut_s = transcript[len(transcript) // 2][1] - 0.02
    part = extractor(Clip("b", "a", media=media, start=cut_s))
    later = [(text, start - cut_s) for text, start in transcript[len(transcript) // 2 :]]
    assert near(without_pauses(part.clip.words), later) > 0.8


def test_the_text_of_a_table_is_aligned_with_the_clips_sound(spoken, extractor, tmp_path):
    media, transcript = spoken
    text = " ".join(word for word, _ in transcript)
    (tmp_path / "labels.csv").write_text(f'media,text\n{media.name},"{text}"\n')
    (clip,) = read_clips(tmp_path)
    extracted = extractor(clip)
    assert near(without_pauses(extracted.clip.words), transcript) > 0.8
    other = extractor.key(clip)
    (tmp_path / "labels.csv").write_text(f"media,text\n{media.name},something else\n")
    assert extractor.key(read_clips(tmp_path)[0]) != other


def test_the_store_keeps_words_with_times_and_confidences(spoken, extractor, tmp_path):
    media, _ = spoken
    extracted = extractor(Clip("a", "a", media=media))
    spoken_words = without_pauses(extracted.clip.words)
    assert spoken_words
    assert all(0 <= word.confidence <= 1 for word in spoken_words)
    store = FeatureStore.create(tmp_path / "store", StoreInfo("test"))
    store.write(extracted, "key")
    store.write_manifest([extracted.clip])
    (read,) = store
    assert read.clip.words == extracted.clip.words
    assert len(read.features["text"]) >= len(read.clip.words)


def test_pauses_are_marked_and_have_rows_of_their_own(spoken, extractor):
    media, _ = spoken
    extracted = extractor(Clip("a", "a", media=media))
    pauses = [word for word in extracted.clip.words if word.text == PAUSE]
    assert pauses
    text = extracted.features["text"]
    for pause in pauses:
        (row,) = [n for n, span in enumerate(text.times) if span[0] == pause.start]
        assert not text.valid[row]


def test_words_that_are_not_english_or_have_no_vector_are_logged(spoken, extractor, caplog):
    media, _ = spoken
    with caplog.at_level(logging.INFO, logger="extractors"):
        extractor(
            Clip(
                "a",
                "a",
                media=media,
                transcript=RUSSIAN + " zorbla",
            )
        )
    assert "not Latin" in caplog.text
    assert "have no vector: " in caplog.text
    assert "zorbla" in caplog.text
