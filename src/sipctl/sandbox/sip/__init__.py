"""The sandbox as a SIP node: it answers as livekit-sip does, up to where a call would be answered."""
