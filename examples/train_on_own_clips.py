"""Train on clips of your own: `python examples/train_on_own_clips.py my_clips`.

`my_clips/labels.csv` names each clip (`media`), its `split` (train, valid, test) and how strong
each of the six emotions is (0: absent). `data/sample` of `make sample` is such a folder.
"""

# %% The folder of the clips, and that of the results
import argparse
from pathlib import Path

import mmemo
from mmemo.config import Config
from mmemo.datasets.source import read_source
from pipelines.data.extract import extract
from pipelines.data.load import load_data
from pipelines.evaluation.evaluate import choose_split, evaluate
from pipelines.training.train import train

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("clips", nargs="?", type=Path, default=Path("data/sample"))
parser.add_argument("--out", type=Path, default=Path("runs/own"))
parser.add_argument("--config", type=Path, default=Path("pipelines/configs/sample.toml"))
parser.add_argument("--set", nargs="*", default=[], help="such as train.epochs=5")
options, _ = parser.parse_known_args()
config = Config.load(options.config, options.set)

# %% Measure words, voice and face of every clip; finished clips are skipped
source = read_source(options.clips)
extraction = extract(source.clips, source.info, options.out / "features", config.features)
print(f"{extraction.done} clips measured, {extraction.existing} were there")
for failure in extraction.failures:
    print("could not be read:", failure.media, failure.error)

# %% Train; an interrupted run is resumed
dataset = load_data([options.out / "features"], config)
checkpoint = train(config, dataset, options.out / "run")
print("on the validation clips:", {name: round(v, 3) for name, v in checkpoint.valid.items()})

# %% Score on clips that were not used in training
split, clips = choose_split(dataset, None)
scores = evaluate(checkpoint, clips, resamples=200)
print(f"{split}: {scores['n']} clips")
for decoder in ("jaccard", "hamming", "threshold"):
    figures = scores["decoders"][decoder]
    jaccard, f1 = figures["acc_jaccard_empty0"], figures["micro_f1"]
    print(f"  {decoder:<10} Jaccard {jaccard:.3f}  micro-F1 {f1:.3f}")

# %% Use the model, and save it for others, in the layout of the Hugging Face hub
model = mmemo.load(options.out / "run")
table = model.predict(source.clips[0].media).to_dataframe()
print(table[["start_s", "end_s", "emotions"]].to_string(index=False))
print("saved", model.save_pretrained(options.out / "model"))
# model.push_to_hub("me/my-emotions", licence="cc-by-4.0", private=True)
