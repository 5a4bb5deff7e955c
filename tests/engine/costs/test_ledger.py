"""The ledger: additive, lossless, and the same totals from every view."""

import numpy as np
import pytest

from engine.core.errors import EngineError
from engine.costs.ledger import Ledger
from tests.engine.costs.worlds import FRAMES, model_of, round_trace

MODEL = model_of(FRAMES | {"tx_power": 0.5, "connected_power": 0.1}, count=6)


def ledger_of(devices: list[int]) -> Ledger:
    """The ledger of one round."""
    return MODEL.cost(round_trace(devices, samples=[10 * (d + 1) for d in devices])).ledger


def assert_same(first: Ledger, second: Ledger) -> None:
    """Both say the same, up to rounding."""
    assert (first.groups, first.phases, first.link_names) == (second.groups, second.phases, second.link_names)
    np.testing.assert_array_equal(first.devices, second.devices)
    np.testing.assert_array_equal(first.group_of, second.group_of)
    for mine, other in ((first.values, second.values), (first.link_values, second.link_values)):
        for name, matrix in mine.items():
            np.testing.assert_allclose(other[name], matrix, rtol=1e-12, atol=1e-15)
    assert first.elapsed_s == pytest.approx(second.elapsed_s)


def test_adding_is_associative_and_has_a_zero() -> None:
    a, b, c = ledger_of([0, 1]), ledger_of([1, 4]), ledger_of([5])
    assert_same((a + b) + c, a + (b + c))
    assert_same(Ledger.empty() + a, a)
    assert_same(a + Ledger.empty(), a)
    assert (a + b).totals()["energy_j"] == pytest.approx(a.totals()["energy_j"] + b.totals()["energy_j"])
    assert (a + b).totals()["time_s"] == pytest.approx(a.elapsed_s + b.elapsed_s)


def test_ledgers_of_different_fleets_do_not_add_up() -> None:
    other = Ledger.empty(groups=["elsewhere"])
    with pytest.raises(EngineError, match="different fleets"):
        ledger_of([0]) + other


def test_rows_and_arrays_lose_nothing() -> None:
    ledger = ledger_of([0, 2, 3])
    assert_same(Ledger.from_arrays(ledger.to_arrays()), ledger)
    again = Ledger.from_rows(ledger.to_rows(), elapsed_s=ledger.elapsed_s)
    assert again.totals() == pytest.approx(ledger.totals())
    assert again.to_rows() == ledger.to_rows()


def test_groups_and_devices_add_up_to_the_totals() -> None:
    ledger, totals = ledger_of([0, 1, 5]), ledger_of([0, 1, 5]).totals()
    for rows in (ledger.to_rows(), ledger.by_group()):
        mine = [row for row in rows if not row["owner"].startswith("link:")]
        for name in ("energy_j", "bytes_up", "bytes_down"):
            assert sum(row[name] for row in mine) == pytest.approx(totals[name])
    links = [row for row in ledger.by_group() if row["owner"].startswith("link:")]
    assert sum(row["bytes_up"] + row["bytes_down"] for row in links) == pytest.approx(totals["wire_bytes"])
    assert {row["owner"] for row in ledger.by_group()} == {"group:a", "link:frames"}


def test_a_ledger_of_nothing_has_totals() -> None:
    assert set(Ledger.empty().totals().values()) == {0.0}


def test_what_is_no_ledger_is_refused() -> None:
    with pytest.raises(EngineError, match="device or a link"):
        Ledger.from_rows([{"owner": "server"}], elapsed_s=0)
    with pytest.raises(EngineError, match="texts is missing"):
        Ledger.from_arrays({})
