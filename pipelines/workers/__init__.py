"""Worker processes: the pool, what runs in a process, and what one recording may use of it."""
