"""Schemas of answers whose form the engine decides: results, curves and estimates."""

from typing import Any

from webapp.api.documents import reference
from webapp.api.planschemas import plan_schemas

Json = dict[str, Any]

_NUMBER: Json = {"type": ["number", "null"]}
_NUMBERS: Json = {"type": "array", "items": _NUMBER}
_STEPS: Json = {"type": "array", "items": {"type": "integer"}}

_RAW: Json = {
    "type": "object",
    "description": "Every point.",
    "required": ["mode", "num_points", "steps", "values"],
    "additionalProperties": False,
    "properties": {
        "mode": {"const": "raw"},
        "num_points": {"type": "integer"},
        "steps": _STEPS,
        "values": {**_NUMBERS, "description": "null where the value is not finite."},
    },
}

_ENVELOPE: Json = {
    "type": "object",
    "description": "The curve in stretches; every extreme of the curve is in it.",
    "required": ["mode", "num_points", "steps", "minimum", "maximum", "last"],
    "additionalProperties": False,
    "properties": {
        "mode": {"const": "envelope"},
        "num_points": {"type": "integer", "description": "How many points the whole curve has."},
        "steps": {**_STEPS, "description": "Last step of each stretch."},
        "minimum": _NUMBERS,
        "maximum": _NUMBERS,
        "last": _NUMBERS,
    },
}

_STATISTIC: Json = {
    "type": "object",
    "required": ["mean", "std", "ci95", "values"],
    "additionalProperties": False,
    "properties": {
        "mean": _NUMBER,
        "std": {**_NUMBER, "description": "Sample standard deviation; null of one seed."},
        "ci95": {
            "type": ["array", "null"],
            "items": {"type": "number"},
            "minItems": 2,
            "maxItems": 2,
            "description": "95 % confidence interval of the mean, `[low, high]`, by Student's t; null of one seed.",
        },
        "values": {**_NUMBERS, "description": "One per run that is done, in the order of the seeds."},
    },
}

_CELL_RESULT: Json = {
    "type": "object",
    "required": ["state", "digest", "seeds", "metrics", "baselines", "costs", "wall_s", "reasons", "published"],
    "additionalProperties": False,
    "properties": {
        "label": {"type": "string", "description": "Which cell, where there are several."},
        "state": {"type": "string", "description": "`done` once all runs are."},
        "digest": {"type": "string"},
        "seeds": _STEPS,
        "metrics": {"type": "object", "additionalProperties": reference("Statistic")},
        "baselines": {"type": "object"},
        "costs": {
            "type": "object",
            "description": "Seconds, joules and bytes of the simulated fleet; `share_recalled` of it rests on figures "
            "that come from general knowledge.",
        },
        "wall_s": {**_NUMBER, "description": "Work of this machine, in seconds."},
        "reasons": {"type": "array", "items": {"type": "string"}, "description": "Why each run ended."},
        "published": {"type": "array", "items": {"type": "object"}, "description": "Figures of others, as context."},
        "words": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "What figures alone do not say, such as what an audit found: a sentence for each seed, by "
            "name. Left out where there is nothing to say.",
        },
    },
}

_RESULT: Json = {
    "description": "Of one cell in its own form, of several as a list.",
    "anyOf": [
        reference("CellResult"),
        {
            "type": "object",
            "required": ["cells"],
            "additionalProperties": False,
            "properties": {"cells": {"type": "array", "items": reference("CellResult")}},
        },
    ],
}

_SERIES: Json = {
    "type": "object",
    "description": "Curves by the name of the metric.",
    "additionalProperties": {"anyOf": [_RAW, _ENVELOPE]},
}

_RANGES: Json = {
    "type": "object",
    "description": "By quantity (time_s, energy_j, bytes_up, ...), at the good and bad end of every figure.",
    "additionalProperties": {
        "type": "object",
        "required": ["low", "expected", "high"],
        "additionalProperties": False,
        "properties": {"low": _NUMBER, "expected": _NUMBER, "high": _NUMBER},
    },
}

_CELL_ESTIMATE: Json = {
    "type": "object",
    "required": ["label", "digest", "totals", "per_round", "num_rounds", "share_recalled"],
    "additionalProperties": False,
    "properties": {
        "label": {"type": "string"},
        "digest": {"type": "string"},
        "totals": _RANGES,
        "per_round": _RANGES,
        "num_rounds": {"type": "integer"},
        "share_recalled": {**_NUMBER, "description": "Share of the cost that rests on recalled figures."},
        "straggler": {"type": "string", "description": "The device that the slowest round waits for; may be empty."},
        "slowest_round_s": {**_NUMBER, "description": "How long that round takes, in seconds."},
        "host_s": {**_NUMBER, "description": "Work on one core of this machine, in seconds; a guess."},
        "fits": {
            "type": "array",
            "description": "Whether the model that a data-free experiment deploys fits, by group and precision.",
            "items": {"type": "object"},
        },
        "metrics": {
            "type": "object",
            "description": "Metrics that are known before the run, such as epsilon; only where there are any.",
            "additionalProperties": _NUMBER,
        },
    },
}

_ESTIMATE: Json = {
    "type": "object",
    "required": ["num_runs", "num_cells", "cells"],
    "additionalProperties": False,
    "properties": {
        "num_runs": {"type": "integer"},
        "num_cells": {"type": "integer"},
        "cells": {
            "type": "array",
            "description": "Of each cell what one run would cost, in SI units.",
            "items": reference("CellEstimate"),
        },
    },
}


_SHEET_GROUP: Json = {
    "type": "object",
    "required": ["group", "phase", "time_s", "energy_j", "bytes_up", "bytes_down"],
    "additionalProperties": False,
    "properties": {
        "group": {"type": "string"},
        "phase": {"type": "string", "description": "compute, download, upload, connect, idle, tail, ..."},
        "time_s": {**_NUMBER, "description": "Seconds summed over the group's devices."},
        "energy_j": _NUMBER,
        "bytes_up": {**_NUMBER, "description": "Payload, without headers."},
        "bytes_down": _NUMBER,
        "recalled_time_s": {**_NUMBER, "description": "The part of the time that rests on recalled figures."},
        "recalled_energy_j": _NUMBER,
    },
}

_SHEET_LINK: Json = {
    "type": "object",
    "required": ["link", "direction", "time_s", "energy_j", "wire_bytes", "serves"],
    "additionalProperties": False,
    "properties": {
        "link": {"type": "string"},
        "direction": {"enum": ["up", "down"]},
        "time_s": {**_NUMBER, "description": "Seconds on air."},
        "energy_j": {**_NUMBER, "description": "Joules that the network itself spends."},
        "wire_bytes": {**_NUMBER, "description": "Bytes with headers and repetitions."},
        "serves": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Groups that use it; `backhaul` between gateways and server.",
        },
    },
}

_SHEET: Json = {
    "type": "object",
    "description": "What the run costs in one place, in SI units.",
    "required": ["totals", "groups", "links", "rounds"],
    "additionalProperties": False,
    "properties": {
        "totals": {"type": "object", "additionalProperties": _NUMBER},
        "groups": {"type": "array", "items": _SHEET_GROUP},
        "links": {"type": "array", "items": _SHEET_LINK},
        "rounds": {
            "type": "object",
            "description": "How long rounds take: over all of them, and their course in stretches.",
            "required": ["num_rounds", "median_s", "p95_s", "max_s", "first", "mean_s", "longest_s"],
            "additionalProperties": False,
            "properties": {
                "num_rounds": {"type": "integer"},
                "median_s": _NUMBER,
                "p95_s": _NUMBER,
                "max_s": _NUMBER,
                "first": {**_STEPS, "description": "First round of each stretch, from 1."},
                "mean_s": _NUMBERS,
                "longest_s": _NUMBERS,
            },
        },
    },
}

_RECOST: Json = {
    "type": "object",
    "required": ["run", "seed", "before", "after", "fleet", "network"],
    "additionalProperties": False,
    "properties": {
        "run": {"type": "string", "format": "uuid"},
        "seed": {"type": "integer"},
        "before": reference("CostSheet"),
        "after": reference("CostSheet"),
        "fleet": {"type": "object", "description": "The other fleet, as it stands in a spec."},
        "network": {"type": "object", "description": "The other network, as it stands in a spec."},
    },
}


_BOTH_WAYS: Json = {**_NUMBERS, "minItems": 2, "maxItems": 2, "description": "Towards the server, and away from it."}

_USE: Json = {
    "type": "object",
    "required": ["num_rounds", "first", "links"],
    "additionalProperties": False,
    "properties": {
        "num_rounds": {"type": "integer"},
        "first": {**_STEPS, "description": "First round of each stretch, from 1."},
        "links": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "link": {"type": "string"},
                    "title": {"type": "string"},
                    "serves": {"type": "array", "items": {"type": "string"}},
                    "is_shared": {"type": "boolean", "description": "Whether those near one gateway take turns."},
                    "num_connections": {"type": "integer", "description": "That carried anything."},
                    "payload_bytes": _BOTH_WAYS,
                    "wire_bytes": _BOTH_WAYS,
                    "air_s": _BOTH_WAYS,
                    "mean_busiest": {**_NUMBER, "description": "Share of all time that its busiest channel is on air."},
                    "most_busiest": {**_NUMBER, "description": "The same in the round in which it is greatest."},
                    "up_bytes": _NUMBERS,
                    "down_bytes": _NUMBERS,
                    "busiest": _NUMBERS,
                },
            },
        },
    },
}


_COUNT: Json = {"type": "integer", "minimum": 0}

_ONE: Json = {
    "type": "object",
    "description": "A device. Those that were not sampled are left out.",
    "required": ["node", "device", "group", "state", "reason"],
    "additionalProperties": False,
    "properties": {
        "node": {"type": "string"},
        "device": {"type": "integer"},
        "group": {"type": "string"},
        "state": {"enum": ["took part", "dropped", "away"]},
        "reason": {"type": "string", "description": "Why it was dropped or away; empty if it took part."},
        "num_samples": {"type": ["integer", "null"]},
        "loss": _NUMBER,
        "ready_s": {**_NUMBER, "description": "Seconds from the start of the round until its update had arrived."},
    },
}

_MANY: Json = {
    "type": "object",
    "description": "Devices of one group at one gateway, or about as many hops away.",
    "required": ["node", "title", "count", "took_part", "dropped", "away", "not_sampled"],
    "additionalProperties": False,
    "properties": {
        "node": {"type": "string"},
        "title": {"type": "string"},
        **dict.fromkeys(("count", "took_part", "dropped", "away", "not_sampled"), _COUNT),
    },
}

_ROUND: Json = {
    "type": "object",
    "required": ["round", "num_rounds", "round_time_s", "counts", "slowest", "gathered", "nodes", "edges"],
    "additionalProperties": False,
    "properties": {
        "round": {"type": "integer"},
        "num_rounds": {"type": "integer", "description": "Rounds that have ended."},
        "round_time_s": {**_NUMBER, "description": "Simulated seconds."},
        "counts": {"type": "object", "additionalProperties": _COUNT, "description": "Devices by state."},
        "slowest": {"type": ["integer", "null"], "description": "The device whose update came last."},
        "gathered": {"type": "boolean", "description": "Whether nodes stand for many devices."},
        "nodes": {"type": "array", "items": {"anyOf": [_ONE, _MANY]}},
        "edges": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["lower", "upper", "start", "end", "link", "up_bytes", "down_bytes", "busy"],
                "additionalProperties": False,
                "properties": {
                    "lower": {"type": "string", "description": "Node of the end farther from the server."},
                    "upper": {"type": "string"},
                    "start": {"type": "string", "description": "That end in words."},
                    "end": {"type": "string"},
                    "link": {"type": "string"},
                    "up_bytes": {**_NUMBER, "description": "Bytes on the wire towards the server."},
                    "down_bytes": _NUMBER,
                    "busy": {**_NUMBER, "description": "Share of the round that its busiest channel is on air."},
                },
            },
        },
    },
}


def answer_schemas() -> Json:
    """The schemas by their name in the OpenAPI document."""
    return {
        "Result": _RESULT,
        "CellResult": _CELL_RESULT,
        "Statistic": _STATISTIC,
        "Series": _SERIES,
        "Estimate": _ESTIMATE,
        "CellEstimate": _CELL_ESTIMATE,
        "CostSheet": _SHEET,
        "Recost": _RECOST,
        "UseSheet": _USE,
        "Round": _ROUND,
        **plan_schemas(),
    }
