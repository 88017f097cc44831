"""The model that comes with the package: its data put together, its training, its one command."""
