"""ELAN's annotation format (EAF 3.0): Max Planck Institute for Psycholinguistics, The Language
Archive, "EAF annotation format", version 3.0.
"""

import mimetypes
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from mmemo.prediction import Prediction
from pipelines.prediction.exports.tiers import to_tiers

_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_TYPE = "default-lt"


def to_elan(predictions: Sequence[Prediction], folder: Path | None = None) -> bytes:
    """Return tiers of time-aligned annotations as EAF, linked to the media file.

    Args:
        predictions: of one recording.
        folder: where the file will lie; None beside the media file.
    """
    root = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "mmemo",
            "DATE": datetime.now(UTC).isoformat(timespec="seconds"),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": _XSI,
            "xsi:noNamespaceSchemaLocation": _SCHEMA,
        },
    )
    header = ElementTree.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    if predictions:
        _link(header, Path(predictions[0].video), folder)
    order = ElementTree.SubElement(root, "TIME_ORDER")
    n_annotations = 0
    for name, intervals in to_tiers(predictions).items():
        tier = ElementTree.SubElement(root, "TIER", LINGUISTIC_TYPE_REF=_TYPE, TIER_ID=name)
        for interval in intervals:
            n_annotations += 1
            annotation = ElementTree.SubElement(
                ElementTree.SubElement(tier, "ANNOTATION"),
                "ALIGNABLE_ANNOTATION",
                ANNOTATION_ID=f"a{n_annotations}",
                TIME_SLOT_REF1=_slot(order, interval.start),
                TIME_SLOT_REF2=_slot(order, interval.end),
            )
            ElementTree.SubElement(annotation, "ANNOTATION_VALUE").text = _printable(interval.text)
    ElementTree.SubElement(
        root,
        "LINGUISTIC_TYPE",
        GRAPHIC_REFERENCES="false",
        LINGUISTIC_TYPE_ID=_TYPE,
        TIME_ALIGNABLE="true",
    )
    ElementTree.indent(root)
    content: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return content


def _link(header: ElementTree.Element, media: Path, folder: Path | None) -> None:
    ElementTree.SubElement(
        header,
        "MEDIA_DESCRIPTOR",
        MEDIA_URL=media.resolve().as_uri(),
        MIME_TYPE=mimetypes.guess_type(media.name)[0] or "unknown",
        RELATIVE_MEDIA_URL=_relative_url(media, folder),
    )


def _relative_url(media: Path, folder: Path | None) -> str:
    """Return the address of the media file relative to a folder, as ELAN writes it."""
    path = Path(media.name)
    if folder is not None:
        with suppress(ValueError):  # raised where they are on two drives
            path = Path(os.path.relpath(media.resolve(), folder.resolve()))
    return f"./{quote(os.fsencode(path.as_posix()))}"


def _slot(order: ElementTree.Element, seconds: float) -> str:
    name = f"ts{len(order) + 1}"
    ElementTree.SubElement(
        order, "TIME_SLOT", TIME_SLOT_ID=name, TIME_VALUE=str(round(seconds * 1000))
    )
    return name


def _printable(text: str) -> str:
    """Remove control characters, which XML 1.0 cannot represent."""
    return "".join(character for character in text if character.isprintable())
