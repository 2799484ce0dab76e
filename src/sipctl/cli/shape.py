"""What every shape of printed JSON has in common."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """Exactly these keys, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, serialize_by_alias=True)
