"""sipctl: the operator's tool for phone dial-in on LiveKit."""

__version__ = "0.1.0"
