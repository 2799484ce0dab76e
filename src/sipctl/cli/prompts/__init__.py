"""The files that livekit-sip plays to callers."""
