"""The commands of ``mmemo``, one file each: its options, and what it runs."""
