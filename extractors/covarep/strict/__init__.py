"""The original program's numbers, reproduced to the last digit for comparison."""
