"""Where LiveKit sends its events: what the profile says, else what LiveKit's own file says."""

from sipctl.config.model import Settings
from sipctl.config.reading import read_text
from sipctl.config.yamlfile import parse_yaml


def webhook_urls(settings: Settings) -> list[str]:
    """The addresses; none if neither says one.

    Raises:
        ConfigError: LiveKit's file cannot be read.
    """
    if settings.webhook_url:
        return [settings.webhook_url]
    path = settings.livekit_yaml
    urls = parse_yaml(path, read_text(path)).get("webhook", "urls") if path else None
    return list(map(str, urls)) if isinstance(urls, list) else []
