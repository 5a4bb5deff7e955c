"""Annotated number types that carry their SI unit into forms, API schema and documentation.

``Annotated[float, Unit("s")]`` puts ``"unit": "s"`` into the JSON schema of a field; the browser form shows it inside
the field, and docs show it in the table. A field's name carries the unit too (``latency_s``).
"""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema


@dataclass(frozen=True)
class Unit:
    """The unit of a number, written as SI writes it (``s``, ``B``, ``J``, ``W``, ``bit/s``)."""

    symbol: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        json_schema = handler(schema)
        json_schema["unit"] = self.symbol
        return json_schema


Seconds = Annotated[float, Field(ge=0), Unit("s")]
Bytes = Annotated[int, Field(ge=0), Unit("B")]
Joules = Annotated[float, Field(ge=0), Unit("J")]
Watts = Annotated[float, Field(ge=0), Unit("W")]
BitsPerSecond = Annotated[float, Field(gt=0), Unit("bit/s")]
Meters = Annotated[float, Field(ge=0), Unit("m")]
Fraction = Annotated[float, Field(ge=0, le=1)]
"""A share between 0 and 1, dimensionless."""
