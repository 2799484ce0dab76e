"""The configuration checks, a module for each area. Importing this package registers them all."""

from sipctl.config.checks import files, livekit, media, meet, profiles, webhooks

__all__ = ["files", "livekit", "media", "meet", "profiles", "webhooks"]
