"""Facet-style facial measurements: action units, emotions, head pose, landmarks and gaze."""
