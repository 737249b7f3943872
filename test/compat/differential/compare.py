"""Compares two answers: equal up to the order of equal scores, and 1e-4 in a score.

Each function gives a sentence about the first difference, or None.
"""

import math
from typing import Any, Callable

TOLERANCE = 1e-4
# Stored vectors are float32 in both engines, of which one normalises in float64.
VECTOR_TOLERANCE = 1e-5


def close(a: float, b: float, tolerance: float = TOLERANCE) -> bool:
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)


def same_vector(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_vector(a[name], b[name]) for name in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(close(x, y, VECTOR_TOLERANCE) for x, y in zip(a, b))
    return a == b


def exactly(value: Any) -> Any:
    """Python takes True for 1: types are part of the value."""
    if isinstance(value, dict):
        return {name: exactly(one) for name, one in value.items()}
    if isinstance(value, list):
        return [exactly(one) for one in value]
    return (type(value).__name__, value)


def content(ours: Any, theirs: Any) -> str | None:
    if exactly(ours.payload) != exactly(theirs.payload):
        return f"payload of {ours.id}: {ours.payload} instead of {theirs.payload}"
    if not same_vector(ours.vector, theirs.vector):
        return f"vector of {ours.id}: {ours.vector} instead of {theirs.vector}"
    return None


def listed(ours: list[Any], theirs: list[Any]) -> str | None:
    """The same points in the same order."""
    ids = [[one.id for one in answer] for answer in (ours, theirs)]
    if ids[0] != ids[1]:
        return f"ids {ids[0]} instead of {ids[1]}"
    return next((wrong for wrong in map(content, ours, theirs) if wrong), None)


def scored_list(ours: list[Any], theirs: list[Any]) -> str | None:
    wrong = listed(ours, theirs)
    if wrong is not None:
        return wrong
    pair = next(((a, b) for a, b in zip(ours, theirs) if not close(a.score, b.score)), None)
    return None if pair is None else f"score of {pair[0].id}: {pair[0].score} instead of {pair[1].score}"


def ranked(ours: list[Any], theirs: list[Any], everything: list[Any], value: Callable[[Any], float]) -> str | None:
    """The same values in the same order, and each hit has its value and content, whichever of equal ones it is.

    A hit whose value is that of the last one may be another, and so may one at the threshold within the tolerance.
    """
    if len(ours) != len(theirs):
        extra = (ours if len(ours) > len(theirs) else theirs)[min(len(ours), len(theirs)) :]
        return f"{len(ours)} hits instead of {len(theirs)}: {[(one.id, value(one)) for one in extra]}"
    known = {(one.id, round(value(one), 3)): one for one in everything}
    if len({(one.id, value(one)) for one in ours}) < len(ours):
        return f"a hit twice: {[one.id for one in ours]}"
    for mine, other in zip(ours, theirs):
        if not close(value(mine), value(other)):
            shown = [[(one.id, value(one)) for one in answer] for answer in (ours, theirs)]
            return f"{shown[0]} instead of {shown[1]}"
        same = nearest_known(known, mine, value)
        if same is None:
            return f"{mine.id} with {value(mine)} is no hit"
        wrong = content(mine, same)
        if wrong is not None:
            return wrong
    return None


def nearest_known(known: dict[Any, Any], hit: Any, value: Callable[[Any], float]) -> Any:
    rounded = round(value(hit), 3)
    for near in (rounded, round(rounded - 0.001, 3), round(rounded + 0.001, 3)):
        found = known.get((hit.id, near))
        if found is not None and close(value(found), value(hit)):
            return found
    # Large values, whose tolerance is more than a thousandth.
    return next((one for (key, _), one in known.items() if key == hit.id and close(value(one), value(hit))), None)


def score(hit: Any) -> float:
    return hit.score


def scored(ours: Any, theirs: Any, everything: Any) -> str | None:
    return ranked(ours.points, theirs.points, everything.points, score)


def ordered(ours: Any, theirs: Any, everything: Any) -> str | None:
    if ours[1] != theirs[1]:
        return f"next page {ours[1]} instead of {theirs[1]}"
    return ranked(ours[0], theirs[0], everything[0], lambda record: record.order_value)


def ordered_query(ours: Any, theirs: Any, everything: Any) -> str | None:
    """Hits without their values: those come from a scroll in the same order."""
    values: dict[Any, list[float]] = {}
    for record in everything[0]:
        values.setdefault(record.id, []).append(record.order_value)
    if len(ours.points) != len(theirs.points):
        return f"{len(ours.points)} hits instead of {len(theirs.points)}"
    for mine, other in zip(ours.points, theirs.points):
        if not set(values.get(mine.id, [])) & set(values[other.id]):
            return f"{[one.id for one in ours.points]} instead of {[one.id for one in theirs.points]}"
    return None


def batch(ours: Any, theirs: Any, everything: Any) -> str | None:
    if len(ours) != len(theirs):
        return f"{len(ours)} answers instead of {len(theirs)}"
    return next((wrong for wrong in map(scored, ours, theirs, everything) if wrong), None)


def grouped(ours: Any, theirs: Any, everything: Any) -> str | None:
    """Groups in the order of their best hits; of equal ones, any."""
    if len(ours.groups) != len(theirs.groups):
        return f"{len(ours.groups)} groups instead of {len(theirs.groups)}"
    sizes = {exactly(group.id): len(group.hits) for group in theirs.groups}
    known = {exactly(group.id): group for group in everything.groups}
    for mine, other in zip(ours.groups, theirs.groups):
        if not close(mine.hits[0].score, other.hits[0].score):
            return f"group {mine.id} with {mine.hits[0].score} instead of {other.id} with {other.hits[0].score}"
        whole = known.get(exactly(mine.id))
        if whole is None:
            return f"{mine.id} is no group"
        expected = whole.hits[: sizes.get(exactly(mine.id), len(mine.hits))]
        wrong = ranked(mine.hits, expected, whole.hits, score)
        if wrong is not None:
            return f"group {mine.id}: {wrong}"
    return None


def difference(how: str, ours: Any, theirs: Any, everything: Callable[[], Any]) -> str | None:
    match how:
        case "done":
            return None
        case "equal":
            return None if ours == theirs else f"{ours} instead of {theirs}"
        case "set":
            by_id = lambda one: str(one.id)  # noqa: E731
            return listed(sorted(ours, key=by_id), sorted(theirs, key=by_id))
        case "scroll":
            next_page = None if ours[1] == theirs[1] else f"next page {ours[1]} instead of {theirs[1]}"
            return listed(ours[0], theirs[0]) or next_page
        case "scored-list":
            return scored_list(ours.points, theirs.points)
        case "scored":
            return scored(ours, theirs, everything())
        case "ordered":
            return ordered(ours, theirs, everything())
        case "ordered-query":
            return ordered_query(ours, theirs, everything())
        case "batch":
            return batch(ours, theirs, everything())
        case "groups":
            return grouped(ours, theirs, everything())
    raise ValueError(how)
