"""Read the emotions of one video: `python examples/from_a_video.py talk.mp4`.

Cells begin with `# %%`: editors such as VS Code, Spyder and Jupyter (jupytext) run them one by one.
"""

# %% The recording and the model
import argparse
from pathlib import Path

import mmemo

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("video", nargs="?", default="data/sample/clips/nils-01.mp4")
parser.add_argument("--model", default="default", help="a shipped model, a folder, or owner/name")
parser.add_argument("--out", type=Path, default=Path(), help="where the page is written")
options, _ = parser.parse_known_args()

# %% Load it once; it can read any number of recordings
model = mmemo.load(options.model)
print(model)

# %% Per utterance: words, emotions, probabilities, and the share of each modality
predictions = model.predict(options.video)
for utterance in predictions:
    print(f"\n{utterance.start:.1f} to {utterance.end:.1f} s: {utterance.text!r}")
    if utterance.labels is None or utterance.probs is None or utterance.effects is None:
        print("  nothing to read:", utterance.absent)
        continue
    print("  emotions:", ", ".join(utterance.labels) or "none")
    for emotion, probability in sorted(utterance.probs.items(), key=lambda item: -item[1])[:3]:
        parts = utterance.effects[emotion].items()
        effects = ", ".join(f"{modality} {effect:+.1f}" for modality, effect in parts)
        print(f"  {emotion:<10} {probability:.2f}  ({effects})")

# %% The same as a table (pandas)
table = predictions.to_dataframe()
columns = ["start_s", "end_s", "emotions", *(f"p_{label}" for label in model.labels)]
print(table[columns].round(2).to_string(index=False))

# %% The features; the recording is not read again
measured = model.features(options.video)
for modality, features in measured.features.items():
    print(f"{modality}: {len(features)} rows of {len(features.names)} columns")
if "audio" in measured.features:
    voice = measured.features["audio"].to_dataframe()
    voiced = voice[voice["VUV"] == 1]
    print(f"pitch: {voiced['F0'].median():.0f} Hz in the median of {len(voiced)} voiced rows")

# %% A page to look at, in any browser
page = model.report(options.video, options.out / f"{Path(options.video).stem}.html")
print(f"wrote {page}")
