"""What every check speaks: one record, one framework of checks, and all codes."""
