"""Speed, memory and quality: one command for each figure in the documents."""
