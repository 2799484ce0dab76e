"""Whether callers get into a live room: one answer, which every command asks for."""
