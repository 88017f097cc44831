"""The learner: modality encoders, cross-modal attention, and decoders over label sets."""
