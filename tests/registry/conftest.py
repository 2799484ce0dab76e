"""An engine on the database that a module calls `url`."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from sipctl.registry.database import open_engine


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()
