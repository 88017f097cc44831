"""From the sources to the shipped checkpoint, step by step; finished steps are not repeated.

1. Words: the model of ``mosei_minilm.toml``, trained on CMU-MOSEI's words alone. The shipped model
   keeps its weights, so its answers to words alone are those of the model of words.
2. Voices and faces are measured: corpora of acted voices, as recorded and degraded, and FER2013.
3. Channels: what voice and face add to the words is learned from them (``learn``).
4. Trust, thresholds, reliability: fitted on unseen people (``unseen``, ``compose``, ``calibrate``).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from extractors.clip import ClipExtractor
from mmemo.batching.batch import by_video
from mmemo.batching.rows import row_width
from mmemo.checkpoint import (
    Checkpoint,
    Inputs,
    TrainedOn,
    load_checkpoint,
    save_checkpoint,
)
from mmemo.config import Config
from mmemo.errors import DataError
from mmemo.inference import infer
from mmemo.model.channels import Channels
from mmemo.model.emotion_model import build_model
from pipelines.data.load import load_data
from pipelines.default_model.calibrate import (
    Trust,
    ValidationClips,
    fit_decisions,
    fit_partial,
    fit_trust,
    show,
)
from pipelines.default_model.channel_clips import ChannelClips, joined
from pipelines.default_model.compose import compose
from pipelines.default_model.faces import measured_faces
from pipelines.default_model.learn import ColumnSet, foreign_limit, learned
from pipelines.default_model.unseen import unseen
from pipelines.default_model.voices import measure_voices
from pipelines.training.train import finished, labelled, labels_of, train

logger = logging.getLogger(__name__)

CONFIGS = Path(__file__).parents[1] / "configs"
WORDS_CONFIG = CONFIGS / "mosei_minilm.toml"
DEFAULT_CONFIG = CONFIGS / "default.toml"

NAME = "CMU-MOSEI (words) + RAVDESS, nEMO (acted voices) + FER2013 (faces)"
COVAREP, SPEECH, EXPRESSION = 74, 384, 7
SETS: Mapping[str, Sequence[ColumnSet]] = {
    "audio": (
        ColumnSet(slice(0, COVAREP), 0.001, weight=0.6),
        ColumnSet(slice(COVAREP, COVAREP + SPEECH), 0.01),
    ),
    "visual": (ColumnSet(slice(-EXPRESSION, None), 0.1),),
}
OWN_SHARE = {"audio": 1.0, "visual": 0.0}
"""How much the comparison within a recording counts at most. No corpus here has many faces of one
person, so nothing can be learned about how faces differ from the person's usual one."""
COMPOSED_SEED = 1_000_003


@dataclass(frozen=True)
class Sources:
    """Where the data lie.

    Attributes:
        mosei: folder with ``train.csv.gz`` and ``valid.csv.gz``.
        voices: folders of labelled voices.
        faces: folder of FER2013.
    """

    mosei: Path
    voices: Sequence[Path]
    faces: Path


def build(
    sources: Sources, work: Path, out: Path, config: Config, *, words: Path | None, jobs: int = 1
) -> Checkpoint:
    """Make the shipped checkpoint in ``out``; everything in between lies in ``work``.

    Args:
        sources: the data.
        work: for intermediate results.
        out: for the checkpoint.
        config: of the model.
        words: a trained model that has the words' weights; None: it is trained.
        jobs: extracting processes.

    Raises:
        DataError: a source is missing or has other files than expected.
        FeatureError, ConfigError: as of extraction and training.
    """
    tables = [sources.mosei / f"{split}.csv.gz" for split in ("train", "valid")]
    of_words = load_checkpoint(words) if words else _words_model(tables, work / "text")
    model = _model(of_words, _inputs(config), config)
    channels = channel_clips(sources.voices, sources.faces, work, model, jobs)
    for m, clips in channels.items():
        evidence = learned(clips, SETS[m], own_share=OWN_SHARE[m])
        evidence.foreign.fill_(foreign_limit(clips, SETS[m]))
        channels_of(model).of(m).load_state_dict(evidence.state_dict())
    validation = validation_clips(model, tables[1], channels)
    trust = {m: fit_trust(validation, m) for m in channels}
    for line in show(trust):
        logger.info(line)
    result = with_trust(model, trust, validation)
    save_checkpoint(result, out, dtype=torch.float16)
    return result


def channel_clips(
    voices: Sequence[Path], faces: Path, work: Path, model: Checkpoint, jobs: int
) -> dict[str, ChannelClips]:
    """Measure labelled voices and faces in the columns of a model."""
    return {
        "audio": joined(
            [measure_voices(f, work / "voices", model.config, jobs=jobs) for f in voices]
        ),
        "visual": measured_faces(faces, work / "faces", model.inputs["visual"].names),
    }


def validation_clips(
    model: Checkpoint,
    table: Path,
    channels: Mapping[str, ChannelClips],
    seed: int = COMPOSED_SEED,
) -> ValidationClips:
    """Return the clips that trust and thresholds are fitted on, with the logits of unseen people.

    Args:
        model: has the words' weights.
        table: CMU-MOSEI's validation segments.
        channels: all labelled voices and faces.
        seed: of the composed recordings.
    """
    dataset = load_data([table], model.config)
    segments = labelled(dataset.split("valid"), model.config, complete=True)
    words = infer(model.model, segments, without=["audio", "visual"]).set_log_probs
    alone = {m: unseen(clips, SETS[m], own_share=OWN_SHARE[m]) for m, clips in channels.items()}
    composed = compose(words, labels_of(segments), by_video(segments), alone, seed)
    prior = model.trained_on.prior(len(model.labels))
    return ValidationClips(composed, alone, prior, model.temperature)


def channels_of(model: Checkpoint) -> Channels:
    """Return what joins the channels of a model with ``fusion = "evidence"``."""
    assert model.model.channels is not None
    return model.model.channels


def with_trust(
    model: Checkpoint, trust: Mapping[str, Trust], validation: ValidationClips
) -> Checkpoint:
    """Return the model with the trust in its channels, and with thresholds for every subset."""
    for m, values in trust.items():
        channels_of(model).of(m).trust(values.sharpness, values.mistrust)
    return replace(
        model,
        partial=fit_partial(validation, trust),
        sure=fit_decisions(validation, trust),
    )


def _words_model(tables: Sequence[Path], folder: Path) -> Checkpoint:
    if finished(folder):
        return load_checkpoint(folder)
    config = Config.load(WORDS_CONFIG)
    return train(config, load_data(tables, config), folder)


def _inputs(config: Config) -> dict[str, Inputs]:
    """Return the columns that the extractors of a configuration make."""
    extractor = ClipExtractor(config.features, vectors=False)
    inputs = {"text": Inputs((), "words")}
    for modality in ("audio", "visual"):
        sets = extractor.column_sets(modality).values()
        names = tuple(name for columns in sets for name in columns.names)
        inputs[modality] = Inputs(names, "+".join(columns.fingerprint() for columns in sets))
    return inputs


def _model(words: Checkpoint, inputs: Mapping[str, Inputs], config: Config) -> Checkpoint:
    """Return a model with the weights of the model of words, and silent channels."""
    dims = {m: row_width(m, len(columns.names), config.data) for m, columns in inputs.items()}
    model = build_model(config.model, dims, words.labels)
    assert model.channels is not None
    own = model.state_dict()
    same = {
        name: weight
        for name, weight in words.model.state_dict().items()
        if name in own and own[name].shape == weight.shape
    }
    missing = [name for name in own if name not in same and not name.startswith("channels.")]
    if missing:
        raise DataError(f"the model of words: expected the weights {', '.join(missing)}")
    model.load_state_dict(same, strict=False)
    prior = words.trained_on.prior(len(words.labels))
    model.channels.prior.log_probs.copy_(torch.from_numpy(np.log(prior)))
    return Checkpoint(
        model=model.eval(),
        config=config,
        inputs=dict(inputs),
        thresholds=words.thresholds,
        trained_on=TrainedOn(NAME, False, words.trained_on.clips, words.trained_on.set_counts),
        valid=words.valid,
        label_thresholds=words.label_thresholds,
        temperature=words.temperature,
    )
