"""What commands on webhooks do with LiveKit beside them: where events go, what must follow, a story, a replay."""
