"""Where a call lands, as LiveKit decides it: trunk, digest, rules before and after the PIN. Pure; reasons are data."""
