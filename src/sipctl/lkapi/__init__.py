"""The thin wrapper of livekit-api: our model in and out, time limits, every failure translated."""
