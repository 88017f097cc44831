"""The page of one video: its content, its numbers, and that words cannot inject markup."""

import base64
import hashlib
import itertools
import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import av
import numpy as np
import pytest
from made_report import EVIL, made_report
from media_files import write_media
from plain_clips import first_clip, grey, hum

from extractors.media import read_sound
from mmemo.checkpoint import load_checkpoint
from mmemo.errors import ClipError
from mmemo.explain import without_rows
from mmemo.features import Clip, ClipFeatures, Features
from mmemo.files import utf8
from mmemo.inference import infer
from pipelines.api import EmotionReader
from pipelines.cli import main
from pipelines.prediction.explanation import explain_recording
from pipelines.prediction.recording import answer
from pipelines.video_report import Player, build_page, embed, link
from pipelines.video_report.data import to_data, to_script
from pipelines.video_report.player import playable_as
from pipelines.video_report.stability import STRETCHES, bands
from pipelines.video_report.tracks import SILENCE_DB, tracks

SMALL = [
    "model.encoder.hidden=16",
    "model.encoder.heads=2",
    "model.encoder.layers=1",
    "train.epochs=3",
]
VOID = {"meta", "link", "br", "img", "hr", "input"}
SILENT = Player("none", "", "There is no recording.")


class Parts(HTMLParser):
    """Check the nesting of elements; collect scripts, styles, addresses and attributes."""

    def __init__(self):
        super().__init__()
        self.open, self.scripts, self.links, self.attributes = [], [], [], []
        self.style, self.policy = "", ""

    def handle_starttag(self, name, attributes):
        values = dict(attributes)
        self.attributes += [key for key, _ in attributes]
        self.links += [value for key, value in attributes if key in ("src", "href", "srcset")]
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if name == "script":
            self.scripts.append("")
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        if self.open and self.open[-1] == "style":
            self.style += data


def parsed(html):
    parts = Parts()
    parts.feed(html)
    assert parts.open == []
    return parts


@pytest.fixture(scope="module")
def run(corpus_features, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    train = ["train", "--set", *SMALL, "--data", str(corpus_features), "--out", str(out)]
    assert main(train) == 0
    return out


@pytest.fixture(scope="module")
def checkpoint(run):
    return load_checkpoint(run)


@pytest.fixture(scope="module")
def recording(checkpoint, corpus):
    return EmotionReader(checkpoint).read(first_clip(corpus))


def test_the_page_is_whole_and_fetches_nothing():
    parts = parsed(build_page(made_report(), SILENT))
    assert parts.links == ["data:,"]
    data, script = parts.scripts
    assert json.loads(data)["utterances"]
    for content in (parts.style, script):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in parts.policy
    assert "default-src 'none'" in parts.policy
    addresses = re.findall(r"https?://[^\"' ]+|url\(|@import", parts.style + script)
    assert addresses == ["http://www.w3.org/2000/svg"]  # a name, which is not fetched


def test_words_cannot_break_the_page():
    report = made_report()
    html = build_page(report, SILENT)
    parts = parsed(html)
    assert EVIL not in html
    assert "onerror" not in parts.attributes
    assert json.loads(parts.scripts[0])["utterances"][1]["words"][1][0] == EVIL
    assert "talk &lt;b&gt;&amp;.mp4" in html
    assert "<b>" not in html


@pytest.mark.parametrize("text", ["</SCRIPT >", "<!--", "\u2028\u2029", '"\\', "]]>", "a&b"])
def test_data_survive_the_script_element(text):
    written = to_script({"text": text})
    assert not set(written) & set("<>&\u2028\u2029")
    assert json.loads(written) == {"text": text}


def test_unknown_numbers_are_null():
    report = made_report()
    data = json.loads(to_script(to_data(report)))
    first, mute = data["utterances"][0], data["utterances"][-2]
    assert first["low"] == [None] * 6
    assert first["probs"] == pytest.approx(list(report.predictions[0].probs.values()), abs=1e-4)
    assert mute["labels"] is None
    assert "probs" not in mute
    assert None in data["tracks"]["face"][0]["values"]
    assert "NaN" not in to_script(data)


def test_demonstration_and_missing_modalities_are_named():
    html = build_page(made_report(), SILENT)
    assert "Demonstration model" in html
    assert "There is no recording." in html
    report = replace(made_report(), demonstration=False, absent={"visual": "no face <found>"})
    html = build_page(report, SILENT, title="Mine & yours", downloads=[("CSV", "/a?b&c")])
    assert "Demonstration model" not in html
    assert "The face was not read: no face &lt;found&gt;." in html
    assert "<h1>Mine &amp; yours</h1>" in html
    assert "/a?b&c" in parsed(html).links


def test_the_band_is_the_jackknife_of_leaving_stretches_out(checkpoint, recording):
    result = bands(checkpoint, recording.clips)
    (clip,) = recording.clips
    (rows,) = {len(values) for values in clip.values.values()}
    cuts = np.round(np.arange(STRETCHES + 1) / STRETCHES * rows).astype(int)
    outputs = []
    for first, last in itertools.pairwise(cuts):
        part = clip
        for modality in clip.values:
            part = without_rows(part, modality, slice(first, last))
        outputs.append(infer(checkpoint.model, [part], calibration=checkpoint.calibration))
    odds = np.array([np.log(f.marginals[0] / (1 - f.marginals[0])) for f in outputs])
    se = np.sqrt((STRETCHES - 1) * odds.var(axis=0))
    p = infer(checkpoint.model, [clip], calibration=checkpoint.calibration).marginals[0]
    for end, sign in ((result.low, -2), (result.high, 2)):
        expected = 1 / (1 + np.exp(-(np.log(p / (1 - p)) + sign * se)))
        assert end[0] == pytest.approx(expected, abs=1e-4)
    assert (result.low[0] < p).all()


def test_there_is_no_band_where_nothing_can_be_left_out(checkpoint, recording):
    (clip,) = recording.clips
    bare = clip
    for modality in clip.values:
        bare = without_rows(bare, modality, slice(None))
    result = bands(checkpoint, [bare, clip])
    assert np.isnan(result.low[0]).all()
    assert np.isfinite(result.low[1]).all()


def test_the_effect_of_a_word_is_the_change_when_it_is_hidden(checkpoint, recording):
    predictions = answer(checkpoint, recording)
    (explanation,) = explain_recording(checkpoint, recording, predictions)
    (clip,), (utterance,) = recording.clips, recording.utterances
    texts = [word.text for word in utterance.clip.words]
    word_rows = [row for row, text in enumerate(texts) if text != "sp"]
    assert explanation.word_effects["text"].shape == (6, len(word_rows))
    for place in (0, len(word_rows) - 1):
        row = word_rows[place]
        hidden = without_rows(clip, "text", slice(row, row + 1))
        shown, without = infer(checkpoint.model, [clip, hidden]).marginals
        lost = np.log(shown / (1 - shown)) - np.log(without / (1 - without))
        assert explanation.word_effects["text"][:, place] == pytest.approx(lost, abs=1e-3)
    assert (explanation.word_weights["text"].sum(axis=1) <= 1 + 1e-6).all()


def test_tracks_are_the_measurements(tmp_path):
    media = write_media(
        tmp_path / "half.wav", audio_codec="pcm_s16le", seconds=2.0,
        sound=lambda t: np.where(t < 1, 0.5 * np.sin(2 * np.pi * 200 * t), 0),
    )  # fmt: skip
    times = np.column_stack([np.arange(200), np.arange(200) + 1]) / 100
    voiced = times[:, 0] < 1
    values = np.column_stack([np.where(voiced, 200, 0), voiced])
    audio = Features(values, times, np.ones(200, bool), ("F0", "VUV"), "made up")
    has_face = times[:, 0] >= 0.5
    shown = np.column_stack([has_face * 1.5, has_face * np.log10(4)])
    names = ("AU12", "Expression_happy")
    visual = Features(shown, times, has_face, names, "made up")
    whole = ClipFeatures(Clip("c", "v"), {"audio": audio, "visual": visual})
    result = tracks(media, whole, 2.0)
    assert result.step_s == pytest.approx(0.1)
    assert result.pitch_hz[:10] == pytest.approx([200] * 10)
    assert np.isnan(result.pitch_hz[10:]).all()
    assert result.loudness_db[:9] == pytest.approx([10 * np.log10(0.125)] * 9, abs=0.1)
    assert result.loudness_db[11:] == pytest.approx([SILENCE_DB] * 9)
    assert np.isnan(result.face["AU12"][:5]).all()
    assert result.face["AU12"][5:] == pytest.approx([1.5] * 15)
    assert list(result.expressions) == ["happy"]
    assert np.isnan(result.expressions["happy"][:5]).all()
    assert result.expressions["happy"][5:] == pytest.approx([0.8] * 15)
    long = tracks(media, whole, 3600.0)
    assert len(long.pitch_hz) == len(long.loudness_db) <= 3000


def uri_bytes(player):
    head, _, body = player.source.partition(",")
    return head, base64.b64decode(body)


def test_a_small_recording_goes_in_as_it_is(tmp_path):
    media = write_media(tmp_path / "a.mp4", picture=grey, sound=hum, seconds=1.0)
    player = embed(media, tmp_path)
    assert (player.kind, player.note) == ("video", "")
    assert uri_bytes(player) == ("data:video/mp4;base64", media.read_bytes())


def test_a_format_that_browsers_do_not_play_is_copied(tmp_path):
    def wide(time_s):
        return np.full((480, 720, 3), 99, np.uint8)

    media = write_media(
        tmp_path / "a.mpg", picture=wide, sound=hum, seconds=1.0,
        video_codec="mpeg1video", audio_codec="mp2",
    )  # fmt: skip
    assert playable_as(media) is None
    player = embed(media, tmp_path)
    head, content = uri_bytes(player)
    assert (player.kind, head) == ("video", "data:video/mp4;base64")
    assert "smaller copy" in player.note
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(content)
    assert playable_as(copy) == "video/mp4"
    with av.open(str(copy)) as container:
        assert max(container.streams.video[0].width, container.streams.video[0].height) <= 480
        assert container.duration / 1e6 == pytest.approx(1.0, abs=0.2)


def test_sound_that_browsers_do_not_play_becomes_a_copy(tmp_path):
    media = write_media(tmp_path / "a.aiff", sound=hum, audio_codec="pcm_s16be", seconds=1.0)
    player = embed(media, tmp_path)
    head, content = uri_bytes(player)
    assert (player.kind, head) == ("audio", "data:audio/mp4;base64")
    copy = tmp_path / "copy.m4a"
    copy.write_bytes(content)
    assert playable_as(copy) == "audio/mp4"
    heard, source = (read_sound(path).samples[4000:12000] for path in (copy, media))
    assert np.corrcoef(heard, source)[0, 1] > 0.98


def test_a_name_that_is_no_utf8_is_linked_by_its_bytes(tmp_path):
    media = write_media(tmp_path / "plain.mp4", picture=grey, seconds=1.0)
    media = media.rename(tmp_path / os.fsdecode(b"caf\xe9.mp4"))
    player = link(media, tmp_path)
    assert player.source == "./caf%E9.mp4"
    page = utf8(build_page(replace(made_report(), name=media.name), player)).decode()
    assert "caf\\udce9.mp4" in page
    assert page.rstrip().endswith("</html>")


def test_a_large_recording_is_linked_by_its_relative_name(tmp_path):
    (tmp_path / "pages").mkdir()
    media = write_media(tmp_path / "a b#1:2.mp4", picture=grey, seconds=1.0)
    player = embed(media, tmp_path / "pages", limit_mb=0.0001)
    assert player == link(media, tmp_path / "pages")
    assert player.source == "./../a%20b%231%3A2.mp4"
    assert "keep them together" in player.note
    strange = write_media(tmp_path / "a.mkv", picture=grey, seconds=1.0)
    assert embed(strange, tmp_path, limit_mb=0.0001).kind == "none"
    sound = write_media(tmp_path / "a.wav", sound=hum, audio_codec="pcm_s16le", seconds=1.0)
    assert link(sound, tmp_path).kind == "audio"
    with pytest.raises(ClipError):
        embed(tmp_path / "none.mp4", tmp_path)


def test_the_command_writes_the_page(run, corpus, tmp_path, capsys):
    out = tmp_path / "page.html"
    assert main(["report", str(first_clip(corpus)), "--run", str(run), "--out", str(out)]) == 0
    assert "1 utterance, " in capsys.readouterr().out
    parts = parsed(out.read_text(encoding="utf-8"))
    data = json.loads(parts.scripts[0])
    (utterance,) = data["utterances"]
    assert len(utterance["wordEffects"]["text"][0]) == len(utterance["words"]) > 3
    assert set(utterance["effects"][0]) == {"text", "audio", "visual"}
    assert len(data["tracks"]["face"]) == 20
    assert any(value is not None for value in data["tracks"]["pitch"])
    assert [link for link in parts.links if link.startswith("data:video/mp4")]


def test_nothing_to_read_is_a_message_and_a_failure(run, tmp_path, capsys):
    mute = write_media(tmp_path / "mute.mp4", picture=grey, seconds=1.0)
    out = tmp_path / "page.html"
    assert main(["report", str(mute), "--run", str(run), "--out", str(out)]) == 1
    assert "nothing to read emotions from" in capsys.readouterr().err
    html = out.read_text(encoding="utf-8")
    assert "There is nothing to read emotions from." in html
    assert "The face was not read: no face found." in html


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--embed-mb", "-1"], "--embed-mb: expected 0 or more"),
        (["--embed-mb", "nan"], "--embed-mb: expected 0 or more"),
        (["--embed-mb", "inf"], "--embed-mb: expected 0 or more"),
        (["--out", "VIDEO"], "expected another file"),
        (["--run", "nowhere"], "no trained model"),
    ],
)
def test_bad_options_are_one_line(run, corpus, more, message, capsys):
    video = str(first_clip(corpus))
    before = Path(video).read_bytes()
    arguments = [video if word == "VIDEO" else word for word in more]
    assert main(["report", video, "--run", str(run), *arguments]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert Path(video).read_bytes() == before
