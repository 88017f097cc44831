"""A few real pictures of FER2013, where the shared data lie beside the checkout."""

import zipfile
from pathlib import Path

from pipelines.default_model.face_pictures import FOLDERS


def unpack(shared: Path, folder: Path, each: int) -> None:
    """Unpack a few pictures per expression of FER2013's public test."""
    with zipfile.ZipFile(shared / "data/fer2013/public_test.zip") as archive:
        for name in FOLDERS:
            pictures = [file for file in sorted(archive.namelist()) if file.startswith(f"{name}/")]
            for file in pictures[:each]:
                archive.extract(file, folder)
