"""Models on the Hugging Face hub, and the card that goes with each."""
