"""The one way to faster-whisper, whose onnxruntime would report to its maker."""

import importlib
import os
from typing import Any


def import_whisper(module: str = "faster_whisper") -> Any:
    """Import faster-whisper, or a module of it, with the telemetry of onnxruntime switched off.

    Onnxruntime reads the variable when it loads. Without it, it keeps a device id and a queue of
    events in the home folder and looks up the name of its maker's collector.

    Args:
        module: the module's full name.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return importlib.import_module(module)
