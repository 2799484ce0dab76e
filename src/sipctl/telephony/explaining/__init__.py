"""What a decision of the matcher means to people: what the caller hears, why, on what it depends, what to change."""
