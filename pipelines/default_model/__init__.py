"""The model that comes with the package: its data, its training, its command."""
