"""The engine's schema of specs, for editors and clients that check before they send, and for the OpenAPI document."""

import copy
import functools
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from engine.fleet.catalogue import devices
from engine.fleet.group import FleetSpec
from engine.network.spec import NetworkSpec
from engine.specs.experiment import ExperimentSpec
from engine.specs.presets import presets
from engine.specs.what_if import WhatIf
from webapp.api.documents import SCHEMAS

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PREFIX = "spec."
"""Begins the names of the engine's schemas in the OpenAPI document, so that they cannot collide with resources."""

SAVED_PART: Json = {
    "type": "object",
    "title": "Saved part",
    "description": "A saved design of your team; further fields are laid over it.",
    "required": ["saved"],
    "properties": {"saved": {"type": "string", "format": "uuid", "description": "Id of the design."}},
}


PRESET_TASK: Json = {
    "type": "object",
    "title": "Preset",
    "description": "A preset's fields; further fields are laid over them.",
    "required": ["preset"],
    "properties": {"preset": {"type": "string", "enum": list(presets()), "description": "Name of the preset."}},
}


def experiment_schema() -> Json:
    """JSON schema of the document of an experiment, standing alone."""
    return _experiment_schema(tuple(devices()))


def body_schemas() -> Json:
    """The schemas of all bodies that hold specs or parts of them, by their name in the OpenAPI document."""
    return _body_schemas(tuple(devices()))


@functools.lru_cache(maxsize=2)
def _experiment_schema(_devices: tuple[str, ...]) -> Json:
    """Made anew when devices were added, which is all that changes while the process lives."""
    definitions, names = _definitions("#/$defs/{model}")
    body = _with_saved_parts(definitions.pop(names["experiment"]))
    return {"$schema": DIALECT, **body, "title": "Experiment", "$defs": definitions}


@functools.lru_cache(maxsize=2)
def _body_schemas(_devices: tuple[str, ...]) -> Json:
    """The same of all bodies."""
    definitions, names = _definitions(SCHEMAS + PREFIX + "{model}")
    body = _with_saved_parts(definitions[names["experiment"]])
    blocks: dict[str, Json] = {
        "FleetBody": {"$ref": SCHEMAS + PREFIX + names["fleet"]},
        "NetworkBody": {"$ref": SCHEMAS + PREFIX + names["network"]},
        # A saved task may leave required fields open, so that its schema is looser than the task's.
        "TaskBody": {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": {"type": "string"}},
            "description": "A task block in which only the fields that matter are set; see `task` of ExperimentBody.",
        },
    }
    return {
        **{PREFIX + name: schema for name, schema in definitions.items()},
        "ExperimentBody": {**body, "title": "Experiment"},
        "RecostBody": _recost_body(definitions[names["what_if"]], blocks),
        **{name: _design_body(block) for name, block in blocks.items()},
    }


def _definitions(template: str) -> tuple[Json, dict[str, str]]:
    classes: dict[str, type[BaseModel]] = {
        "experiment": ExperimentSpec, "fleet": FleetSpec, "network": NetworkSpec, "what_if": WhatIf,
    }  # fmt: skip
    schemas, holder = models_json_schema([(cls, "validation") for cls in classes.values()], ref_template=template)
    names = {part: schemas[cls, "validation"]["$ref"].rpartition("/")[2] for part, cls in classes.items()}
    prefix = template.rpartition("/")[2].removesuffix("{model}")
    return copy.deepcopy(holder["$defs"]), {part: name.removeprefix(prefix) for part, name in names.items()}


def _with_saved_parts(schema: Json) -> Json:
    properties = dict(schema["properties"])
    for part in ("fleet", "network", "task"):
        described = {"description": properties[part]["description"]} if "description" in properties[part] else {}
        more = [PRESET_TASK] if part == "task" else []
        properties[part] = {**described, "anyOf": [properties[part], SAVED_PART, *more]}
    return {**schema, "properties": properties}


def _recost_body(schema: Json, blocks: dict[str, Json]) -> Json:
    properties = dict(schema["properties"])
    for part, name in (("fleet", "FleetBody"), ("network", "NetworkBody")):
        description = properties[part]["description"]
        properties[part] = {"description": description, "anyOf": [blocks[name], SAVED_PART, {"type": "null"}]}
    return {**schema, "title": "Re-costing", "properties": properties}


def _design_body(block: Json) -> Json:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "body"],
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 120, "description": "What people call it."},
            "body": block,
        },
    }
