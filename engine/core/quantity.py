"""Fields that hold a :class:`Figure`: a catalogue gives value and provenance, a user just types the number."""

from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from engine.core.figure import Figure


class Quantity:
    """Marks a field of type :class:`Figure` that is measured in one unit and lies in one range.

    A bare number becomes a figure with provenance ``user``; a mapping is read as a whole figure, which must name this
    unit.

    Args:
        unit: SI symbol; empty if dimensionless.
        ge: least allowed value.
        gt: value that must be exceeded.
        le: greatest allowed value.
    """

    def __init__(self, unit: str, *, ge: float | None = None, gt: float | None = None, le: float | None = None) -> None:
        self.unit, self.ge, self.gt, self.le = unit, ge, gt, le

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
            if isinstance(value, int | float) and not isinstance(value, bool):
                value = {"value": float(value), "unit": self.unit, "provenance": "user"}
            elif value is not None and not isinstance(value, Figure | dict):
                raise PydanticCustomError(
                    "quantity_type",
                    "Input should be a number in {unit}, or a figure with value, unit, provenance and source",
                    {"unit": self.unit or "no unit"},
                )
            figure = inner(value)
            if figure is not None:
                self._check(figure)
            return figure

        return core_schema.no_info_wrap_validator_function(read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        number = {"type": "number", "minimum": self.ge, "exclusiveMinimum": self.gt, "maximum": self.le}
        choices = [{k: v for k, v in number.items() if v is not None}, handler(schema)]
        return {"anyOf": choices, "unit": self.unit}

    def _check(self, figure: Figure) -> None:
        if figure.unit != self.unit:
            raise PydanticCustomError(
                "wrong_unit", "The unit should be '{want}', not '{got}'", {"want": self.unit, "got": figure.unit}
            )
        for name, bound, holds in (
            ("greater than or equal to", self.ge, self.ge is None or figure.value >= self.ge),
            ("greater than", self.gt, self.gt is None or figure.value > self.gt),
            ("less than or equal to", self.le, self.le is None or figure.value <= self.le),
        ):
            if not holds:
                raise PydanticCustomError(
                    "out_of_range", "Input should be {relation} {bound}", {"relation": name, "bound": bound}
                )
