"""What reaches the screen: streams, formats and escaping. Knows no domain; used by `cli` alone."""
