"""Videos with measurements or answers drawn beside the frame."""
