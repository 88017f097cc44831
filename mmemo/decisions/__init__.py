"""From probabilities to sets of labels: decoding, thresholds and calibration."""
