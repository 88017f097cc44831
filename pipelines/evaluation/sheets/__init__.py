"""Anyone's prediction files, read and matched with the truth by clip id."""
