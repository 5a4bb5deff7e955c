"""Previews: made once, found again, asked for by workers, and said why where they cannot be made."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from engine.fleet.group import FleetSpec
from engine.network.spec import NetworkSpec
from tests.webapp.markup import form_of
from tests.webapp.people import People
from webapp import broker
from webapp.library import services as library
from webapp.library.capacity import link_steps
from webapp.library.drawing import draw
from webapp.library.fitting import fit
from webapp.previews import cache, making, services
from webapp.previews.modeltable import profile_of
from webapp.previews.parts import read_part
from webapp.previews.wanted import class_map_of, measures_of, samples_of
from workers import previews as jobs

SignIn = Callable[[str], Client]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> None:
    """A cache of its own for each test."""
    settings.EDGELOOM_HOME = tmp_path


DIGITS = read_part("dataset", {"kind": "digits"})
IID = read_part("partition", {"kind": "iid"})
FLEET = FleetSpec.model_validate_json('{"groups": [{"name": "boards", "count": 6}, {"name": "phones", "count": 4}]}')


def test_equal_requests_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = class_map_of(DIGITS, IID, 5)
    first = services.look(wanted)
    assert first.state == "done"
    monkeypatch.setattr(making, "make", lambda _: pytest.fail("made again"))
    assert services.look(class_map_of(DIGITS, IID, 5)).data == first.data
    others = {class_map_of(DIGITS, IID, 6).digest, class_map_of(DIGITS, IID, 5, 1).digest, samples_of(DIGITS).digest}
    assert len(others | {wanted.digest}) == 4


def test_an_even_spread_has_little_skew_and_one_class_each_nearly_all() -> None:
    def skew(tree: dict[str, Any]) -> float:
        found = services.look(class_map_of(DIGITS, read_part("partition", tree), 10)).data
        return float(found["summary"]["distance"])

    assert skew({"kind": "iid"}) < 0.15
    # Two clients of one class each differ from ten equal classes in nine tenths.
    assert skew({"kind": "shards", "classes_per_client": 1}) > 0.75


@pytest.fixture
def sent(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What was sent to the broker, which takes everything and does nothing."""
    settings.REDIS_URL = "redis://nowhere"
    messages: list[tuple[str, ...]] = []

    def send(name: str, *args: str) -> bool:
        messages.append((name, *args))
        return True

    monkeypatch.setattr(broker, "send", send)
    return messages


def test_what_takes_long_is_made_by_a_worker(sent: list[tuple[str, ...]]) -> None:
    wanted = measures_of(NetworkSpec().with_figures(), FLEET.with_figures())
    assert services.look(wanted).state == "waiting"
    assert sent == [(broker.MAKE_PREVIEW, wanted.digest)]
    jobs.make_preview(wanted.digest)
    found = services.again(wanted.digest)
    assert found is not None
    assert {row["name"]: row["value"] for row in found.data["measures"]}["diameter"] == 2
    jobs.make_preview(wanted.digest)
    assert len(sent) == 1


def test_a_failure_shows_its_message_and_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    cifar = read_part("dataset", {"kind": "cifar100"})
    monkeypatch.delenv("EDGELOOM_DATA", raising=False)
    found = services.look(samples_of(cifar))
    assert found.state == "failed"
    assert "cifar-100-binary.tar.gz" in found.failure["message"]
    assert found.failure["remedy"]
    monkeypatch.setattr(services, "FAILURE_S", -1.0)
    assert services.known(samples_of(cifar)).state == "waiting"


def test_an_unexpected_fault_in_a_worker_is_told_too(
    sent: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = measures_of(NetworkSpec().with_figures(), FLEET.with_figures())
    services.look(wanted)

    def broken(_: object) -> Any:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(making, "make", broken)
    jobs.make_preview(wanted.digest)
    assert services.known(wanted).failure["message"] == "by nothing"


def test_a_preview_that_kills_its_workers_is_given_up(
    sent: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = measures_of(NetworkSpec().with_figures(), FLEET.with_figures())
    services.look(wanted)

    def killed(_: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "make", killed)
    for _ in range(services.MOST_TRIES):
        with pytest.raises(KeyboardInterrupt):
            jobs.make_preview(wanted.digest)
    jobs.make_preview(wanted.digest)
    assert "lost" in services.known(wanted).failure["message"]


def test_forgetting_an_upload_forgets_its_previews() -> None:
    cache.write("a" * 64, cache.REQUEST, {"arguments": {"sha256": "b" * 64}})
    cache.write("c" * 64, cache.REQUEST, {"arguments": {}})
    cache.forget("b" * 64)
    assert cache.read("a" * 64, cache.REQUEST) is None
    assert cache.read("c" * 64, cache.REQUEST) is not None


def test_the_heat_map_follows_the_form(client_of: SignIn) -> None:
    client = client_of("editor")
    form = form_of(client.get("/tasks/new").content.decode())
    form.values |= {"task:federated.dataset@kind": "digits", "_devices": "7"}
    html = client.post("/previews/task", form.values).content.decode()
    assert "7 clients" in html
    assert "1\u202f438 training" in html
    form.values |= {"task:federated.partition@kind": "shards"}
    other = client.post("/previews/task", form.values).content.decode()
    skew = [float(re.search(r"Skew <strong>([\d.]+)", page)[1]) for page in (html, other)]
    assert skew[0] < 0.15 < skew[1]
    form.values |= {"task:federated.partition:shards.classes_per_client": "0"}
    assert "partition.classes_per_client" in client.post("/previews/task", form.values).content.decode()


def test_pages_of_designs_show_their_previews(client_of: SignIn, people: People) -> None:
    editor, client = people["editor"], client_of("viewer")
    fleet = library.create("fleets", people.team, editor, "F", {"groups": [{"name": "tiny", "device": "stm32l4r5"}]})
    network = library.create("networks", people.team, editor, "N", {"topology": {"kind": "ring"}})
    task = library.create("tasks", people.team, editor, "T", {"kind": "federated", "dataset": {"kind": "digits"}})
    query = {"model": "mcmahan_cnn", "dataset": "mnist", "batch": "32"}
    assert "bytes short" in client.get(f"/fleets/{fleet.pk}/", query).content.decode()
    query = {"model": "mlp", "dataset": "digits", "batch": "1"}
    assert "to spare" in client.get(f"/fleets/{fleet.pk}/", query).content.decode()
    assert "a batch of 1 to" in client.get(f"/fleets/{fleet.pk}/", {"batch": "x"}).content.decode()
    html = client.get(f"/networks/{network.pk}/").content.decode()
    assert "Spectral gap" in html
    assert "cap-" in html
    html = client.get(f"/tasks/{task.pk}/", {"_devices": "9"}).content.decode()
    assert "9 clients" in html


def test_the_memory_table_says_how_many_bytes_are_missing() -> None:
    model = read_part("model", {"kind": "mlp", "hidden": []})
    profile = profile_of(model, DIGITS.sample())
    fleet = FLEET.resolve()
    table = fit(fleet, profile, 8, 0)
    # Weights and gradients of 64 x 10 + 10 float32 numbers, and what eight samples keep.
    assert table.needed == 2 * 4 * 650 + 8 * (profile.saved_bytes + profile.gradient_bytes)
    room = int(fleet.ram_bytes[0])
    assert table.rows[0].left == room - table.needed
    assert [(one.precision, one.place) for one in table.rows[0].trained] == [
        ("float", "flash"), ("float", "ram"), ("int8", "flash"), ("int8", "ram"),
    ]  # fmt: skip
    assert all(one.group == row.sign.name for row in table.rows for one in row.trained)
    largest = fit(fleet, profile, table.rows[0].most_batch, 0)
    assert 0 <= largest.rows[0].left < profile.training_bytes(1) - profile.training_bytes(0)


TOPOLOGIES = ["star", "hierarchical", "tree", "ring", "mesh", "random_geometric", "small_world", "scale_free"]


@pytest.mark.parametrize("kind", TOPOLOGIES)
def test_every_node_is_drawn_apart_and_inside_the_picture(kind: str) -> None:
    spec = NetworkSpec.model_validate_json(f'{{"topology": {{"kind": "{kind}"}}}}')
    network = spec.resolve(FLEET)
    drawing = draw(FLEET.resolve(), spec.topology, network)
    nodes = [*drawing.devices, *drawing.hubs]
    assert len({(node.x, node.y) for node in nodes}) == len(nodes) >= 11
    assert all(0 < node.x < 620 and 0 < node.y < 380 for node in nodes)
    assert len(drawing.edges) == len(network.edges())


def test_faster_links_have_higher_colors() -> None:
    text = '{"links": {"boards": "wifi4_linux", "phones": "ble_l4"}, "backhaul": "wan_fibre"}'
    spec = NetworkSpec.model_validate_json(text.replace("ble_l4", "lte4g_modern"))
    steps = link_steps(spec.resolve(FLEET))
    assert steps == {"lte4g_modern": 1, "wifi4_linux": 3, "wan_fibre": 5}
