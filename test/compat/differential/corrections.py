"""Makes the engine in memory do what the server does, case by case: `cases.json` has the source of each."""

import json
from pathlib import Path
from typing import Any, Callable

from qdrant_client import models
from qdrant_client.local import datetime_utils, local_collection, payload_filters
from qdrant_client.local.distances import ContextQuery, DiscoveryQuery, RecoQuery
from qdrant_client.local.local_collection import LocalCollection

EVERYTHING = 1_000_000


def score_threshold() -> None:
    """Takes the hits whose score equals the threshold, and knows which way the scores of several examples go."""
    whole = LocalCollection.search

    def search(self: Any, query_vector: Any, *, score_threshold: float | None = None, **given: Any) -> Any:
        if score_threshold is None:
            return whole(self, query_vector, **given)
        limit, offset = given.pop("limit", 10), given.pop("offset", None) or 0
        found = whole(self, query_vector, limit=EVERYTHING, **given)
        name, query = self._resolve_query_vector_name(query_vector)
        distances = not isinstance(query, (RecoQuery, DiscoveryQuery, ContextQuery))
        lower = distances and self.get_vector_params(name).distance == models.Distance.EUCLID
        passing = [hit for hit in found if (hit.score <= score_threshold if lower else hit.score >= score_threshold)]
        return passing[offset : offset + limit]

    LocalCollection.search = search


def time_without_seconds() -> None:
    datetime_utils.available_formats.remove("%Y-%m-%dT%H:%M")


def default_vector() -> None:
    """The empty name is that of the one vector, whatever its name is."""
    whole = payload_filters.check_condition

    def check(condition: Any, payload: Any, point_id: Any, has_vector: dict[str, bool]) -> bool:
        if isinstance(condition, models.HasVectorCondition) and condition.has_vector == "":
            return len(has_vector) == 1
        return whole(condition, payload, point_id, has_vector)

    payload_filters.check_condition = check


def whole_floats() -> None:
    whole = local_collection.to_jsonable_python
    local_collection.to_jsonable_python = lambda payload: without_whole_floats(whole(payload))


def without_whole_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_whole_floats(one) for name, one in value.items()}
    if isinstance(value, list):
        return [without_whole_floats(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def empty_filter() -> None:
    whole = LocalCollection._selector_to_ids

    def ids(self: Any, selector: Any) -> Any:
        chosen = selector.filter if isinstance(selector, models.FilterSelector) else selector
        if isinstance(chosen, models.Filter) and not chosen.model_dump(exclude_none=True):
            raise ValueError("filter is empty")
        return whole(self, selector)

    LocalCollection._selector_to_ids = ids


CORRECTIONS: dict[str, Callable[[], None]] = {
    "score-threshold": score_threshold,
    "time-without-seconds": time_without_seconds,
    "default-vector": default_vector,
    "whole-floats": whole_floats,
    "empty-filter": empty_filter,
}


def apply() -> None:
    cases = json.loads(Path(__file__).with_name("cases.json").read_text())
    ids = [case["id"] for case in cases]
    if sorted(ids) != sorted(CORRECTIONS):
        raise SystemExit(f"cases.json lists {ids}, corrections.py has {list(CORRECTIONS)}")
    for correct in CORRECTIONS.values():
        correct()
