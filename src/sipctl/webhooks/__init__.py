"""Webhook events as LiveKit sends them: made, signed, delivered."""
