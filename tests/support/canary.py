"""A secret that must be seen nowhere."""

SECRET = "canary-secret-of-more-than-32-characters"
