"""The card of a model on the Hugging Face hub: its purpose, its use and its limits.

Metadata follow https://huggingface.co/docs/hub/model-cards. The figures are those of the validation
clips, and the card says so.
"""

from collections.abc import Mapping

from mmemo import __version__
from mmemo.checkpoint import Checkpoint
from mmemo.features import CHANNEL_NAMES
from mmemo.prediction import DEMONSTRATION_WARNING

TAGS = ("emotion-recognition", "affective-computing", "multi-label", "multimodal", "video", "audio")
METRICS: Mapping[str, tuple[str, str]] = {
    "micro_f1": ("f1", "micro-F1"),
    "macro_f1": ("f1", "macro-F1"),
    "acc_jaccard_empty0": ("jaccard", "Jaccard (an empty pair earns 0)"),
    "set_nll": ("negative-log-likelihood", "negative log-likelihood of the set"),
}
"""Figure of a checkpoint -> the hub's metric type and the displayed name."""

VALIDATION_NOTE = (
    "validation clips, on which epoch and thresholds were chosen: expect less on others"
)

BODY = """
# {title}

A model of [mmemo](https://pypi.org/project/mmemo/), which reads emotions from video:
{modalities} in, any subset of {labels} out, with the probability of each and the
effect of hiding each input on it.
{notice}
```python
import mmemo

model = mmemo.load("{name}")
model.predict("talk.mp4").to_dataframe()
```

or `mmemo predict talk.mp4 --run {run}`. The weights are safetensors, the rest is JSON; loading
runs no code.

## Training data

{clips:,} labelled clips of {dataset}.

## Figures

On the {validation_note}.

| | |
|---|---|
{figures}

## Intended use and limits

The model reads expressed emotion, as annotators named it from the recording;
it does not know what a person feels. Not for hiring, policing, proctoring, medical or legal
decisions, or any judgement of a single person, nor for people who did not agree to it.
English only.

Made by mmemo {version}.
"""


def model_card(
    checkpoint: Checkpoint, name: str, *, on_hub: bool, licence: str | None = None
) -> str:
    """Return the card of a model, Markdown with metadata.

    Args:
        checkpoint: the model.
        name: the name to load it by: ``owner/name`` or a folder.
        on_hub: whether it is the name of a model on the hub.
        licence: the hub's identifier of its licence, if known.
    """
    trained = checkpoint.trained_on
    figures = [
        f"| {METRICS[name][1]} | {value:.3f} |"
        for name, value in checkpoint.valid.items()
        if name in METRICS
    ]
    body = BODY.format(
        title=name.rpartition("/")[2],
        name=name,
        run=f"hf://{name}" if on_hub else name,
        modalities=_listed([CHANNEL_NAMES[m] for m in checkpoint.model.modalities]),
        labels=_listed(checkpoint.labels),
        notice=f"\n**{DEMONSTRATION_WARNING}**\n" if trained.demonstration else "",
        clips=trained.clips,
        dataset=trained.dataset,
        validation_note=VALIDATION_NOTE,
        figures="\n".join(figures),
        version=__version__,
    )
    return f"---\n{_metadata(checkpoint, name, licence)}\n---\n{body}"


def _metadata(checkpoint: Checkpoint, name: str, licence: str | None) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="video-classification",
            dataset_type="other",
            dataset_name=f"{checkpoint.trained_on.dataset} (validation)",
            dataset_split="validation",
            metric_type=METRICS[figure][0],
            metric_name=f"{METRICS[figure][1]}, {VALIDATION_NOTE}",
            metric_value=round(value, 4),
        )
        for figure, value in checkpoint.valid.items()
        if figure in METRICS
    ]
    data = ModelCardData(
        language="en",
        license=licence,
        library_name="mmemo",
        pipeline_tag="video-classification",
        tags=list(TAGS),
        model_name=name.rpartition("/")[2],
        eval_results=results or None,
    )
    return str(data.to_yaml())


def _listed(names: tuple[str, ...] | list[str]) -> str:
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last
