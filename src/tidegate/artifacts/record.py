"""What every part of a stored network is made of: a frozen record, and numbers with bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

LARGEST = 65_536
MOST_MEMBERS = 64
Size = Annotated[int, Field(ge=1, le=LARGEST)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Few = Annotated[int, Field(ge=1, le=64)]
Members = Annotated[int, Field(ge=1, le=MOST_MEMBERS)]
Rows = Annotated[int, Field(ge=0, le=1_048_576)]
Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Bias = Annotated[float, Field(ge=-100.0, le=100.0)]
Several = Annotated[tuple[Size, ...], Field(min_length=1, max_length=64)]


class Record(BaseModel):
    """Base of everything that is written to JSON: frozen, strict, nothing extra."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
