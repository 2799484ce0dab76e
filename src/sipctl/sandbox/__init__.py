"""A LiveKit-compatible server on loopback: the same paths, errors, ids, validation and holes as livekit-server 1.13."""
