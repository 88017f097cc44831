"""From the three sources to the shipped checkpoint, step by step; finished steps are not repeated.

1. Words: the model of ``mosei_minilm.toml``, trained on CMU-MOSEI's words alone.
2. Features: voices of RAVDESS, and faces of speakers who show nothing.
3. Fusion: a model of all modalities, which has the weights of the model of words and keeps them;
   what reads voice and face is learnt, from composed recordings, others in each epoch.
   Its answers to words alone are therefore those of the model of words, and so is its operating
   point: temperature and thresholds were chosen on CMU-MOSEI's validation segments, of which no
   part is made up, and whose labels are as frequent as they are when people talk.
4. Calibration: how far answers to a voice or a face without words lean towards how frequent the
   emotions are (``calibrate``).
"""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from extractors.facet.action_units import load_calibration
from extractors.facet.extractor import FacetExtractor
from mmemo.batching.batch import ClipArrays
from mmemo.batching.rows import row_width
from mmemo.checkpoint import (
    Checkpoint,
    Inputs,
    TrainedOn,
    load_checkpoint,
    save_checkpoint,
)
from mmemo.config import Config
from mmemo.datasets.dataset import Dataset
from mmemo.datasets.source import read_source
from mmemo.errors import DataError
from mmemo.features import ClipFeatures, Word
from mmemo.model.emotion_model import EmotionModel, build_model
from mmemo.store import FeatureStore
from pipelines.data.extract import extract
from pipelines.data.load import load_data
from pipelines.default_model.calibrate import calibrate
from pipelines.default_model.compose import VALID_SEED, Composer, Parts
from pipelines.default_model.faces import FaceSimulator
from pipelines.default_model.voices import VoicePool
from pipelines.training.state import remove_state
from pipelines.training.train import count_sets, finished, fit, labelled, train

logger = logging.getLogger(__name__)

CONFIGS = Path(__file__).parents[1] / "configs"
WORDS_CONFIG = CONFIGS / "mosei_minilm.toml"
FUSION_CONFIG = CONFIGS / "default.toml"

NAME = "CMU-MOSEI (words) + RAVDESS (acted voices) + simulated faces"
SENTENCES = {"01": "kids are talking by the door", "02": "dogs are sitting by the door"}
SENTENCE_FIELD = 4
"""Of a file name of RAVDESS."""

SHOWN = 0.35
"""Share of the videos that an epoch of the fusion shows: it is validated, and kept, that often."""
ACTED_TIMES = 2
"""How often an epoch shows each acted clip as it is: what an emotion sounds like is learnt from
these, how much to believe a voice from the composed ones."""
WORDLESS = 6
"""First epochs without words, which cost least: voice and face come first, then joining them."""


@dataclass(frozen=True)
class Sources:
    """Where the data lie.

    Attributes:
        mosei: folder with ``train.csv.gz`` and ``valid.csv.gz``.
        ravdess: folder of RAVDESS's sound files.
        faces: folder of videos of people who speak with a neutral face (GRID).
    """

    mosei: Path
    ravdess: Path
    faces: Path


def build(sources: Sources, work: Path, out: Path, config: Config, *, jobs: int = 1) -> Checkpoint:
    """Make the shipped checkpoint in ``out``; everything in between lies in ``work``.

    Raises:
        DataError: a source is missing or has other files than expected.
        FeatureError, ConfigError: as of extraction and training.
    """
    tables = [sources.mosei / f"{split}.csv.gz" for split in ("train", "valid")]
    words = _words_model(tables, work / "text")
    voices = _measured(sources.ravdess, work / "voices", config, "audio", jobs)
    faces = _measured(sources.faces, work / "faces", config, "visual", jobs)
    dataset = load_data([*tables, voices], config)
    speaking = list(FeatureStore(faces))
    parts = {split: parts_of(dataset, split, speaking, config) for split in ("train", "valid")}
    checkpoint = _fuse(words, parts, _inputs(dataset, speaking), config, work / "fusion")
    save_checkpoint(checkpoint, out, dtype=torch.float16)
    calibrated = calibrate(load_checkpoint(out), parts["valid"])
    save_checkpoint(calibrated, out, dtype=torch.float16)
    remove_state(work / "fusion")
    return calibrated


def parts_of(
    dataset: Dataset, split: str, speaking: Sequence[ClipFeatures], config: Config
) -> Parts:
    """Return the parts of one split's recordings.

    Raises:
        DataError: words or voices are missing.
    """
    clips = dataset.split(split)
    spoken = [clip for clip in clips if "audio" not in clip.features and clip.clip.words]
    acted = [with_sentence(clip) for clip in clips if "audio" in clip.features]
    if not spoken or not acted:
        raise DataError(f"{dataset.name}: expected words and voices in the split {split!r}")
    pictures = round(config.data.frame_s * config.features.visual_fps)
    tracks = [clip.features["visual"] for clip in speaking if "visual" in clip.features]
    return Parts(
        segments=labelled(spoken, config, complete=True),
        acted=[_without_degrees(clip) for clip in labelled(acted, config, complete=True)],
        voices=VoicePool(acted, config.data),
        faces=FaceSimulator(load_calibration(), tracks, pictures),
    )


@contextlib.contextmanager
def on_top_of(words: EmotionModel, model: EmotionModel) -> Iterator[None]:
    """Copy the weights that a model shares with the model of words, and freeze them temporarily.

    Its predictions from words alone are therefore those of the model of words, and voice and face
    are learned for the same decoder.
    """
    own = model.state_dict()
    same = {
        name: weight
        for name, weight in words.state_dict().items()
        if name in own and own[name].shape == weight.shape
    }
    model.load_state_dict(same, strict=False)
    frozen = [w for name, w in model.named_parameters() if name in same and w.requires_grad]
    for weight in frozen:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in frozen:
            weight.requires_grad_(True)


def _words_model(tables: Sequence[Path], folder: Path) -> Checkpoint:
    if finished(folder):
        return load_checkpoint(folder)
    config = Config.load(WORDS_CONFIG)
    return train(config, load_data(tables, config), folder)


def _measured(media: Path, store: Path, config: Config, modality: str, jobs: int) -> Path:
    """Extract one modality of a folder of clips, unless it is there."""
    source = read_source(media)
    options = config.features.model_copy(update={"modalities": (modality,)})
    result = extract(source.clips, source.info, store, options, jobs=jobs)
    if result.failures:
        first = result.failures[0]
        raise DataError(f"{media}: {len(result.failures)} clips failed, first {first.id}")
    return store


def _inputs(dataset: Dataset, speaking: Sequence[ClipFeatures]) -> dict[str, Inputs]:
    audio = next(clip.features["audio"] for clip in dataset.clips if "audio" in clip.features)
    visual = next(clip.features["visual"] for clip in speaking if "visual" in clip.features)
    assert visual.names == FacetExtractor.names
    return {
        "text": Inputs((), "words"),
        "audio": Inputs(audio.names, audio.source),
        "visual": Inputs(visual.names, visual.source),
    }


def _fuse(
    words: Checkpoint,
    parts: dict[str, Parts],
    inputs: dict[str, Inputs],
    config: Config,
    folder: Path,
) -> Checkpoint:
    torch.manual_seed(config.train.seed)
    dims = {m: row_width(m, len(columns.names), config.data) for m, columns in inputs.items()}
    model = build_model(config.model, dims, words.labels)
    assert model.words is not None
    composer = Composer(
        parts["train"],
        config.train.seed,
        acted_times=ACTED_TIMES,
        share=SHOWN,
        wordless=WORDLESS,
    )
    validate_on = Composer(parts["valid"], VALID_SEED, share=SHOWN)(0)
    model.fit_statistics(composer(0))
    folder.mkdir(parents=True, exist_ok=True)
    with on_top_of(words.model, model), model.words.held_still(), model.words.remembering():
        state = fit(model, config, composer, validate_on, folder)
    model.load_state_dict(state.best_weights)
    return Checkpoint(
        model=model.eval(),
        config=config,
        inputs=inputs,
        thresholds=words.thresholds,
        trained_on=TrainedOn(
            NAME,
            False,
            len(parts["train"].segments) + len(parts["train"].acted),
            count_sets(parts["train"].segments),
        ),
        valid=state.best_figures,
        label_thresholds=words.label_thresholds,
        temperature=words.temperature,
    )


def with_sentence(clip: ClipFeatures) -> ClipFeatures:
    """Return an acted clip with the words that its file name encodes."""
    texts = SENTENCES[clip.clip.id.split("-")[SENTENCE_FIELD]].split()
    words = tuple(Word(text, float(place), place + 1.0) for place, text in enumerate(texts))
    return replace(clip, clip=replace(clip.clip, words=words))


def _without_degrees(clip: ClipArrays) -> ClipArrays:
    """Remove the strength of an acted emotion, which is an instruction, not an annotation."""
    assert clip.degrees is not None
    return replace(clip, degrees=np.full_like(clip.degrees, np.nan))
