"""Take the picture of the report page that the documents show: ``make picture``.

The recording is five clips of one speaker of the sample corpus, one after the other: a drawn face,
so that no person is shown. The model is that of ``make train``. Needs Chromium.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from extractors.media import Decoder
from pipelines import cli
from pipelines.sample.movie import AUDIO_RATE, write_movie

CLIPS = ("nils-03", "nils-02", "nils-01", "nils-10", "nils-13")
FPS = 25
WIDTH, HEIGHT = 1200, 1080
SHOWN_WORD = (3, 8)
"""The page is stopped at this utterance and word."""


def main() -> int:
    """Make the recording, the page and the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--corpus", type=Path, default=Path("data/sample"))
    parser.add_argument("--run", type=Path, default=Path("runs/sample"))
    parser.add_argument("--work", type=Path, default=Path("build/pictures"))
    parser.add_argument("--out", type=Path, default=Path("docs/assets/report.png"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    recording, page = options.work / "five-clips.mp4", options.work / "five-clips.html"
    join([options.corpus / "clips" / f"{name}.mp4" for name in CLIPS], recording)
    exit_code = cli.main(["report", str(recording), "--run", str(options.run), "--out", str(page)])
    if exit_code == 0:
        photograph(page, options.out)
        print(f"{options.out}: {options.out.stat().st_size / 1e3:.0f} kB")
    return exit_code


def join(clips: list[Path], out: Path) -> None:
    """Write clips one after the other, with their words in a transcript beside the video."""
    pictures, sound, words = [], [], []
    for clip in clips:
        start_s = len(pictures) / FPS
        with Decoder(clip, sample_rate=AUDIO_RATE) as decoder:
            frames = [frame.image for frame in decoder.frames()]
            clip_sound = decoder.sound()
        samples = np.zeros(len(frames) * AUDIO_RATE // FPS, np.float32)
        if clip_sound is not None:
            part = clip_sound.samples[: len(samples)]
            samples[: len(part)] = part
        pictures += frames
        sound.append(samples)
        for word in json.loads(clip.with_suffix(".json").read_text())["words"]:
            times = {key: round(word[key] + start_s, 3) for key in ("start", "end")}
            words.append({**word, **times})
    write_movie(out, pictures, FPS, np.concatenate(sound), AUDIO_RATE)
    out.with_suffix(".json").write_text(json.dumps({"words": words}))


def photograph(page_file: Path, out: Path) -> None:
    """Open a page in Chromium, stop it within a word, and save a screenshot of 256 colours."""
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(page_file.resolve().as_uri())
        utterance, word = SHOWN_WORD
        page.locator(".utterance").nth(utterance).locator(".word").nth(word).click()
        page.locator("body").evaluate("() => document.getElementById('player').controls = false")
        page.wait_for_timeout(2000)  # until the player shows that frame
        page.evaluate("window.scrollTo(0, 0)")
        raw = out.with_suffix(".raw.png")
        page.screenshot(path=raw)
        browser.close()
    with Image.open(raw) as picture:
        flat = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        flat.save(out, optimize=True)
    raw.unlink()


if __name__ == "__main__":
    sys.exit(main())
