"""Explain an answer: `python examples/what_the_model_looks_at.py talk.mp4`.

There are two kinds of evidence. An *effect* is the change when something is hidden from the model:
the log-odds that an emotion loses. A *weight* is a share of the model's attention. Trust effects
first: attention says where the model looked, not what it used.
"""

# %% The recording and the model
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
explanations = [e for e in model.explain(options.video) if e is not None]
if not explanations:
    raise SystemExit(f"{options.video}: nothing to read emotions from")
explanation = explanations[0]
prediction = explanation.prediction
probs = prediction.probs or {}
emotion = max(probs, key=lambda label: probs[label])
print(f"{prediction.text!r}: {emotion} {probs[emotion]:.2f}")

# %% Hide all words, the voice or the face: the log-odds that each emotion loses
labels, modalities = explanation.labels, explanation.modalities
effects = pd.DataFrame(explanation.modality_effects, index=labels, columns=modalities)
print(effects.round(2))

# %% Hide one word at a time: the words that support the most probable emotion most
words = explanation.to_dataframe()
words = words[words["emotion"] == emotion].drop(columns="emotion")
if "text" in modalities and len(words):
    print(words.sort_values("text_effect", ascending=False).head(5).round(3).to_string(index=False))

# %% Hide the voice or the face while each word is spoken
columns = [f"{m}_effect" for m in modalities if f"{m}_effect" in words]
print(words.set_index("word")[columns].round(3).to_string())

# %% Does attention agree with effects? Often it does not
for modality in modalities:
    effect, weight = words[f"{modality}_effect"], words[f"{modality}_weight"]
    if effect.notna().sum() > 2:
        agreement = effect.abs().corr(weight, method="spearman")
        print(f"{modality}: rank correlation of |effect| and weight {agreement:.2f}")

# %% Watch it: the recording with words, emotions and effects
movie = options.out / f"{Path(options.video).stem}.emotions.mp4"
print("wrote", model.annotate(options.video, movie))
