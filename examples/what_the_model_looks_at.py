"""Ask what spoke for an answer: `python examples/what_the_model_looks_at.py talk.mp4`.

Two kinds of answer. An *effect* is what happens when something is hidden from the model: the
log-odds that an emotion loses. A *weight* is a share of the model's attention. Trust effects first:
attention says where the model looked, not what it used.
"""

# %% What to read, and with which model
import argparse
from pathlib import Path

import pandas as pd

import mmemo

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("video", nargs="?", default="data/sample/clips/nils-01.mp4")
parser.add_argument("--model", default="default", help="a shipped model, a folder, or owner/name")
parser.add_argument("--out", type=Path, default=Path(), help="where the video is written")
options, _ = parser.parse_known_args()
pd.set_option("display.width", 120)

# %% Explain every utterance; take the first in which there is something to read
model = mmemo.load(options.model)
reasons = [why for why in model.explain(options.video) if why is not None]
if not reasons:
    raise SystemExit(f"{options.video}: nothing to read emotions from")
why = reasons[0]
probs = why.prediction.probs or {}
emotion = max(probs, key=lambda label: probs[label])
print(f"{why.prediction.text!r}: {emotion} {probs[emotion]:.2f}")

# %% Hide words, voice or face whole: what does each emotion lose?
effects = pd.DataFrame(why.modality_effects, index=why.labels, columns=why.modalities)
print(effects.round(2))

# %% Hide one word at a time: which spoke for the most probable emotion, which against it?
words = why.to_dataframe()
words = words[words["emotion"] == emotion].drop(columns="emotion")
if "text" in why.modalities and len(words):
    print(words.sort_values("text_effect", ascending=False).head(5).round(3).to_string(index=False))

# %% The voice and the face while each word is said
columns = [f"{m}_effect" for m in why.modalities if f"{m}_effect" in words]
print(words.set_index("word")[columns].round(3).to_string())

# %% Does attention agree with effects? Often not
for modality in why.modalities:
    effect, weight = words[f"{modality}_effect"], words[f"{modality}_weight"]
    if effect.notna().sum() > 2:
        agreement = effect.abs().corr(weight, method="spearman")
        print(f"{modality}: rank correlation of |effect| and weight {agreement:.2f}")

# %% Watch it: the recording with words, emotions and what spoke for them
movie = options.out / f"{Path(options.video).stem}.emotions.mp4"
print("wrote", model.annotate(options.video, movie))
