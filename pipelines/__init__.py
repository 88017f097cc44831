"""The order of work: files, progress, resume, the command line. Nothing imports this package."""
