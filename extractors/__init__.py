"""One clip in, one ``Features`` out, for each modality. Free of torch."""
