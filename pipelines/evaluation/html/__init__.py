"""An evaluation as one HTML page with charts, without external files."""
