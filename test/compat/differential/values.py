"""Random ids, vectors and payloads: few distinct values, so that filters, ties and overwrites meet."""

import random
from datetime import datetime, timedelta, timezone
from typing import Any

WORDS = ["red", "Green", "blue-ish", "dark red", "ocean", "the quick brown fox", "fox", "quick", "Brown, brown!", ""]
UUIDS = [f"{i:08x}-8a7c-4d5c-9d8b-3a1f2e4d5c6{i % 10}" for i in range(12)]
# Integers on both sides of what a float64 holds exactly.
INTEGERS = [-3, -1, 0, 1, 2, 3, 5, 8, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]
FLOATS = [-2.5, -0.125, 2.0, 0.5, 1.5, 2.25, 3.75, 1e-7, 123456.789]
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DATE_FORMATS = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%f+00:00", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]
IDS = list(range(60)) + [2**53 + 1, 2**63 - 1] + UUIDS


def vector(rng: random.Random, size: int, style: str) -> list[float]:
    """`integers`: scores tie and are exact in float32. `gaussian`: scores do not tie."""
    if style == "integers":
        return [float(rng.randint(-3, 3)) for _ in range(size)]
    return [rng.gauss(0, 1) for _ in range(size)]


def moment(rng: random.Random) -> datetime:
    return START + timedelta(hours=rng.randint(0, 96), seconds=rng.choice([0, 0, 30]))


def place(rng: random.Random) -> dict[str, float]:
    """Some near the antimeridian."""
    lon = rng.uniform(-180, 180) if rng.random() < 0.3 else rng.uniform(12, 14)
    return {"lon": round(lon, 3), "lat": round(rng.uniform(51, 53), 3)}


def scalar(rng: random.Random) -> Any:
    """Of any type: what a field holds whose values are of several."""
    return rng.choice(
        [rng.choice(WORDS), rng.choice(INTEGERS), rng.choice(FLOATS), rng.random() < 0.5, None, {"x": 1}, [1, "red"]]
    )


FIELDS = {
    "color": lambda rng: rng.choice(WORDS[:5]),
    "uuid": lambda rng: rng.choice(UUIDS[:4]),
    "year": lambda rng: rng.choice(INTEGERS),
    "price": lambda rng: rng.choice(FLOATS),
    "open": lambda rng: rng.random() < 0.5,
    "time": lambda rng: moment(rng).strftime(rng.choice(DATE_FORMATS)),
    "where": place,
    "text": lambda rng: " ".join(rng.choices(WORDS, k=rng.randint(0, 4))),
    "any": scalar,
}


def field(rng: random.Random, name: str) -> Any:
    """One value, a list of them, an empty list or null."""
    chance = rng.random()
    if chance < 0.06:
        return None
    if chance < 0.1:
        return []
    if chance < 0.3:
        return [FIELDS[name](rng) for _ in range(rng.randint(1, 3))]
    return FIELDS[name](rng)


def payload(rng: random.Random) -> dict[str, Any] | None:
    if rng.random() < 0.05:
        return None
    result = {name: field(rng, name) for name in FIELDS if rng.random() < 0.7}
    if rng.random() < 0.6:
        parts = [{"size": rng.randint(0, 3), "color": rng.choice(WORDS[:3])} for _ in range(rng.randint(0, 3))]
        result["parts"] = parts if rng.random() < 0.9 else {"size": 1}
    if rng.random() < 0.6:
        result["about"] = {"year": field(rng, "year"), "deep": {"color": field(rng, "color")}}
    if rng.random() < 0.2:
        result["a.b"] = rng.randint(0, 2)
    return result


PATHS = {
    "color": ["color", "about.deep.color", "parts[].color", "parts[0].color", "missing"],
    "year": ["year", "about.year", "parts[].size", "parts[1].size", "year[0]", '"a.b"'],
}


def path(rng: random.Random, name: str) -> str:
    return rng.choice(PATHS.get(name, [name, name, f"{name}[]"]))


def any_path(rng: random.Random) -> str:
    return path(rng, rng.choice([*FIELDS, "color", "year"])) if rng.random() < 0.9 else rng.choice(["parts", "about"])
