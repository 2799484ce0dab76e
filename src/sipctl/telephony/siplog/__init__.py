"""livekit-sip's log, read back into the calls that it tells of (livekit/sip pkg/sip/inbound.go, 1.0 to 1.11)."""
