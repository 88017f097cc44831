"""What files need beside their content: locks, digests, hidden folders while they are written."""
