"""From a recording, or a folder of them, to predictions and export files."""
