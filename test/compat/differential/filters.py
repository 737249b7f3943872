"""Random filters: every form of Qdrant's language that a request may have."""

import random
from typing import Any, Callable

from qdrant_client import models

from values import FLOATS, IDS, INTEGERS, UUIDS, WORDS, any_path, moment, path


def match(rng: random.Random) -> models.FieldCondition:
    name, values = rng.choice(
        [("color", WORDS), ("uuid", UUIDS[:5]), ("year", INTEGERS), ("any", WORDS), ("any", INTEGERS), ("text", WORDS)]
    )
    form = rng.randint(0, 3)
    if form == 0:
        wanted: Any = models.MatchAny(any=rng.sample(values, rng.randint(0, 3)))
    elif form == 1:
        wanted = models.MatchExcept(**{"except": rng.sample(values, rng.randint(0, 3))})
    else:
        wanted = models.MatchValue(value=rng.choice(values))
    return models.FieldCondition(key=path(rng, name), match=wanted)


def match_bool(rng: random.Random) -> models.FieldCondition:
    return models.FieldCondition(key=rng.choice(["open", "any"]), match=models.MatchValue(value=rng.random() < 0.5))


def match_text(rng: random.Random) -> models.FieldCondition:
    text = " ".join(rng.choice(WORDS + ["qui", "RED", "FOX brown"]) for _ in range(rng.randint(0, 2)))
    wanted = rng.choice(
        [models.MatchText(text=text), models.MatchTextAny(text_any=text), models.MatchPhrase(phrase=text)]
    )
    return models.FieldCondition(key=path(rng, rng.choice(["text", "color", "any"])), match=wanted)


def bounds(rng: random.Random, value: Callable[[], Any]) -> dict[str, Any]:
    names = rng.choice([["gt"], ["gte"], ["lt"], ["lte"], ["gte", "lt"], ["gt", "lte"], []])
    return {name: value() for name in names}


def in_range(rng: random.Random) -> models.FieldCondition:
    # models.Range has floats only: integers that a float64 does not hold cannot be asked for.
    values = [*FLOATS, *INTEGERS[:9]]
    name = rng.choice(["year", "price", "any", "open"])
    return models.FieldCondition(key=path(rng, name), range=models.Range(**bounds(rng, lambda: rng.choice(values))))


def in_time(rng: random.Random) -> models.FieldCondition:
    name = rng.choice(["time", "time", "color"])
    times = bounds(rng, lambda: moment(rng)) or {"gte": moment(rng)}
    return models.FieldCondition(key=name, range=models.DatetimeRange(**times))


def point(lon: float, lat: float) -> models.GeoPoint:
    return models.GeoPoint(lon=lon, lat=lat)


def geo(rng: random.Random) -> models.FieldCondition:
    lon, lat = rng.uniform(12, 14), rng.uniform(51, 53)
    form = rng.randint(0, 3)
    if form == 0:
        radius = models.GeoRadius(center=point(lon, lat), radius=rng.choice([20_000.5, 60_000, 5_000_000]))
        return models.FieldCondition(key="where", geo_radius=radius)
    if form == 1:
        box = models.GeoBoundingBox(top_left=point(lon - 0.5, lat + 0.4), bottom_right=point(lon + 0.5, lat - 0.4))
        return models.FieldCondition(key="where", geo_bounding_box=box)
    if form == 2:
        across = models.GeoBoundingBox(top_left=point(rng.uniform(90, 179), 53), bottom_right=point(-100, 51))
        return models.FieldCondition(key="where", geo_bounding_box=across)
    ring = [point(lon - 0.7, lat - 0.7), point(lon + 0.8, lat - 0.6), point(lon + 0.1, lat + 0.9)]
    hole = [point(lon - 0.1, lat - 0.2), point(lon + 0.1, lat - 0.2), point(lon, lat + 0.1)]
    polygon = models.GeoPolygon(
        exterior=models.GeoLineString(points=[*ring, ring[0]]),
        interiors=[models.GeoLineString(points=[*hole, hole[0]])] if rng.random() < 0.5 else None,
    )
    return models.FieldCondition(key="where", geo_polygon=polygon)


def values_count(rng: random.Random) -> models.FieldCondition:
    counts = models.ValuesCount(**bounds(rng, lambda: rng.randint(0, 3)))
    return models.FieldCondition(key=any_path(rng), values_count=counts)


def emptiness(rng: random.Random) -> models.Condition:
    key = any_path(rng)
    return rng.choice(
        [
            models.IsEmptyCondition(is_empty=models.PayloadField(key=key)),
            models.IsNullCondition(is_null=models.PayloadField(key=key)),
            models.FieldCondition(key=key, is_empty=rng.random() < 0.5),
            models.FieldCondition(key=key, is_null=rng.random() < 0.5),
        ]
    )


def has_id(rng: random.Random) -> models.HasIdCondition:
    return models.HasIdCondition(has_id=rng.sample(IDS, rng.choice([0, 1, 5, 30])))


def has_vector(rng: random.Random) -> models.HasVectorCondition:
    return models.HasVectorCondition(has_vector=rng.choice(["", "text", "other"]))


def nested(rng: random.Random) -> models.NestedCondition:
    inner = models.Filter(
        must=[
            models.FieldCondition(key="size", range=models.Range(gte=rng.randint(0, 3))),
            models.FieldCondition(key="color", match=models.MatchValue(value=rng.choice(WORDS[:3]))),
        ][: rng.randint(1, 2)]
    )
    if rng.random() < 0.3:
        inner = models.Filter(must_not=inner.must)
    return models.NestedCondition(nested=models.Nested(key=rng.choice(["parts", "parts[]", "about"]), filter=inner))


CONDITIONS: list[Callable[[random.Random], Any]] = [
    *[match] * 4,
    *[in_range] * 3,
    *[match_text] * 2,
    *[geo] * 2,
    *[emptiness] * 2,
    match_bool,
    in_time,
    values_count,
    has_id,
    has_vector,
    nested,
]


def condition(rng: random.Random, depth: int) -> Any:
    if depth > 0 and rng.random() < 0.15:
        return random_filter(rng, depth - 1)
    return rng.choice(CONDITIONS)(rng)


def clause(rng: random.Random, depth: int) -> Any:
    """Absent, empty, one condition alone, or a list."""
    chance = rng.random()
    if chance < 0.5:
        return None
    if chance < 0.55:
        return []
    if chance < 0.65:
        return condition(rng, depth)
    return [condition(rng, depth) for _ in range(rng.randint(1, 3))]


def random_filter(rng: random.Random, depth: int = 2) -> models.Filter:
    if rng.random() < 0.4:
        return models.Filter(**{rng.choice(["must", "must_not", "should"]): [condition(rng, depth)]})
    least = None
    if rng.random() < 0.2:
        conditions = [condition(rng, depth) for _ in range(rng.randint(1, 4))]
        least = models.MinShould(conditions=conditions, min_count=rng.randint(1, 3))
    names = ["must", "must_not", "should"]
    return models.Filter(**{name: clause(rng, depth) for name in names}, min_should=least)


def maybe_filter(rng: random.Random) -> models.Filter | None:
    return random_filter(rng) if rng.random() < 0.65 else None
