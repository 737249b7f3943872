"""Random operations: calls of the published client, with the same arguments for both engines."""

import random
from dataclasses import dataclass, field
from typing import Any, Callable

from qdrant_client import models

from filters import maybe_filter, random_filter
from values import FLOATS, IDS, INTEGERS, any_path, moment, payload, vector

EVERYTHING = 1_000_000


@dataclass
class Space:
    """One collection, and how its vectors are made."""

    name: str
    size: int
    distance: models.Distance
    vector_name: str
    style: str = "integers"

    @property
    def config(self) -> Any:
        params = models.VectorParams(size=self.size, distance=self.distance)
        return {self.vector_name: params} if self.vector_name else params


@dataclass
class Operation:
    """`how` names the comparison of its results; `full` are the arguments that make it name every hit with its score."""

    kind: str
    method: str
    arguments: dict[str, Any]
    how: str = "done"
    full: dict[str, Any] = field(default_factory=dict)


Maker = Callable[[random.Random, Space], Operation]


def point_vector(rng: random.Random, space: Space) -> Any:
    if rng.random() < 0.03:
        one = [0.0] * space.size
    else:
        one = vector(rng, space.size, space.style)
    return {space.vector_name: one} if space.vector_name else one


def points(rng: random.Random, space: Space, most: int = 8) -> list[models.PointStruct]:
    ids = rng.sample(IDS, rng.randint(1, most))
    return [models.PointStruct(id=one, vector=point_vector(rng, space), payload=payload(rng)) for one in ids]


def as_batch(some: list[models.PointStruct], space: Space) -> models.Batch:
    vectors: Any = [one.vector for one in some]
    if space.vector_name:
        vectors = {space.vector_name: [one.vector[space.vector_name] for one in some]}
    return models.Batch(ids=[one.id for one in some], vectors=vectors, payloads=[one.payload or {} for one in some])


def upsert(rng: random.Random, space: Space) -> Operation:
    some: Any = points(rng, space)
    return Operation("upsert", "upsert", {"points": as_batch(some, space) if rng.random() < 0.3 else some})


def upsert_if(rng: random.Random, space: Space) -> Operation:
    arguments = {"points": points(rng, space), "update_filter": random_filter(rng)}
    return Operation("upsert with update_filter", "upsert", arguments)


def upsert_mode(rng: random.Random, space: Space) -> Operation:
    mode = rng.choice(list(models.UpdateMode))
    return Operation("upsert with update_mode", "upsert", {"points": points(rng, space), "update_mode": mode})


def selector(rng: random.Random) -> Any:
    if rng.random() < 0.4:
        return models.FilterSelector(filter=random_filter(rng))
    return rng.sample(IDS, rng.randint(1, 6))


def delete(rng: random.Random, _: Space) -> Operation:
    chosen = selector(rng)
    kind = "delete by filter" if isinstance(chosen, models.FilterSelector) else "delete by ids"
    return Operation(kind, "delete", {"points_selector": chosen})


def set_payload(rng: random.Random, _: Space) -> Operation:
    arguments = {"payload": payload(rng) or {}, "points": selector(rng)}
    if rng.random() < 0.4:
        arguments["key"] = rng.choice(["about", "about.deep", "parts[0]", "parts[]", "fresh.deep", '"a.b"', "color"])
    return Operation("set payload", "set_payload", arguments)


def overwrite_payload(rng: random.Random, _: Space) -> Operation:
    return Operation("overwrite payload", "overwrite_payload", {"payload": payload(rng) or {}, "points": selector(rng)})


def delete_payload(rng: random.Random, _: Space) -> Operation:
    keys = [any_path(rng) for _ in range(rng.randint(1, 3))]
    return Operation("delete payload", "delete_payload", {"keys": keys, "points": selector(rng)})


def clear_payload(rng: random.Random, _: Space) -> Operation:
    return Operation("clear payload", "clear_payload", {"points_selector": selector(rng)})


def update_vectors(rng: random.Random, space: Space) -> Operation:
    some = [models.PointVectors(id=one, vector=point_vector(rng, space)) for one in rng.sample(IDS, rng.randint(1, 4))]
    return Operation("update vectors", "update_vectors", {"points": some})


def points_batch(rng: random.Random, space: Space) -> Operation:
    makers: list[Callable[[], Any]] = [
        lambda: models.UpsertOperation(upsert=models.PointsList(points=points(rng, space))),
        lambda: models.DeleteOperation(delete=models.PointIdsList(points=rng.sample(IDS, 2))),
        lambda: models.DeleteOperation(delete=models.FilterSelector(filter=random_filter(rng))),
        lambda: models.SetPayloadOperation(
            set_payload=models.SetPayload(payload=payload(rng) or {}, filter=random_filter(rng))
        ),
        lambda: models.OverwritePayloadOperation(
            overwrite_payload=models.SetPayload(payload=payload(rng) or {}, filter=random_filter(rng))
        ),
        lambda: models.DeletePayloadOperation(
            delete_payload=models.DeletePayload(keys=[any_path(rng)], filter=random_filter(rng))
        ),
        lambda: models.ClearPayloadOperation(clear_payload=models.FilterSelector(filter=random_filter(rng))),
    ]
    operations = [rng.choice(makers)() for _ in range(rng.randint(1, 4))]
    return Operation("points/batch", "batch_update_points", {"update_operations": operations})


def selectors(rng: random.Random, space: Space) -> dict[str, Any]:
    paths = [any_path(rng).replace("[0]", "[]").replace("[1]", "[]") for _ in range(rng.randint(1, 3))]
    with_payload = rng.choice(
        [True, True, False, paths, models.PayloadSelectorInclude(include=paths), models.PayloadSelectorExclude(exclude=paths)]
    )
    return {"with_payload": with_payload, "with_vectors": rng.choice([True, False, [space.vector_name]])}


def scroll(rng: random.Random, space: Space) -> Operation:
    arguments = {"scroll_filter": maybe_filter(rng), "limit": rng.choice([1, 5, 20, EVERYTHING]), **selectors(rng, space)}
    if rng.random() < 0.3:
        arguments["offset"] = rng.choice(IDS)
    return Operation("scroll", "scroll", arguments, "scroll")


def scroll_ordered(rng: random.Random, space: Space) -> Operation:
    key, start = rng.choice(
        [("year", lambda: rng.choice(INTEGERS[:8])), ("price", lambda: rng.choice(FLOATS)), ("time", lambda: moment(rng))]
    )
    direction = rng.choice([None, models.Direction.ASC, models.Direction.DESC])
    order = models.OrderBy(key=key, direction=direction, start_from=start() if rng.random() < 0.4 else None)
    limit = rng.choice([1, 5, EVERYTHING])
    arguments = {"scroll_filter": maybe_filter(rng), "order_by": order, "limit": limit, **selectors(rng, space)}
    return Operation("scroll with order_by", "scroll", arguments, "ordered", {"limit": EVERYTHING})


def count(rng: random.Random, _: Space) -> Operation:
    return Operation("count", "count", {"count_filter": maybe_filter(rng), "exact": True}, "equal")


def retrieve(rng: random.Random, space: Space) -> Operation:
    return Operation("retrieve", "retrieve", {"ids": rng.sample(IDS, rng.randint(1, 8)), **selectors(rng, space)}, "set")


def threshold(rng: random.Random, space: Space, plain: bool) -> float:
    """Whole distances and products of whole numbers are exact in any float; no other score should meet its threshold."""
    if plain and space.style == "integers" and space.distance != models.Distance.COSINE:
        return rng.choice([-2.0, 0.0, 1.0, 2.0, 4.0])
    return rng.gauss(0, 1)


def scored(rng: random.Random, space: Space, plain: bool = False) -> dict[str, Any]:
    """@param plain: the scores are those of one vector that was given as it is"""
    arguments = {"query_filter": maybe_filter(rng), "limit": rng.choice([1, 3, 10, EVERYTHING]), **selectors(rng, space)}
    if rng.random() < 0.2:
        arguments["offset"] = rng.randint(0, 8)
    if rng.random() < 0.3:
        arguments["score_threshold"] = threshold(rng, space, plain)
    if space.vector_name:
        arguments["using"] = space.vector_name
    if rng.random() < 0.3:
        arguments["search_params"] = models.SearchParams(exact=True)
    return arguments


FULL = {"limit": EVERYTHING, "offset": 0, "score_threshold": None}


def example(rng: random.Random, space: Space) -> Any:
    """A point by its id, or a vector."""
    return rng.choice(IDS[:40]) if rng.random() < 0.5 else vector(rng, space.size, space.style)


def nearest(rng: random.Random, space: Space) -> Operation:
    query = example(rng, space)
    if rng.random() < 0.2:
        query = models.NearestQuery(nearest=query)
    return Operation("query", "query_points", {"query": query, **scored(rng, space, plain=True)}, "scored", FULL)


def listing(rng: random.Random, space: Space) -> Operation:
    arguments = {name: value for name, value in scored(rng, space).items() if name != "score_threshold"}
    return Operation("query without query", "query_points", arguments, "scored-list")


def order_by_query(rng: random.Random, space: Space) -> Operation:
    arguments = {name: value for name, value in scored(rng, space).items() if name != "score_threshold"}
    query = models.OrderByQuery(order_by=models.OrderBy(key=rng.choice(["year", "price", "time"])))
    full = {"limit": EVERYTHING, "offset": 0}
    return Operation("query with order_by", "query_points", {"query": query, **arguments}, "ordered-query", full)


def query_batch(rng: random.Random, space: Space) -> Operation:
    def request() -> models.QueryRequest:
        arguments = scored(rng, space)
        return models.QueryRequest(
            query=example(rng, space),
            using=arguments.get("using"),
            filter=arguments["query_filter"],
            limit=arguments["limit"],
            with_payload=arguments["with_payload"],
            with_vector=arguments["with_vectors"],
        )

    return Operation("query/batch", "query_batch_points", {"requests": [request() for _ in range(rng.randint(1, 4))]}, "batch")


def mmr(rng: random.Random, space: Space) -> Operation:
    diversity = models.Mmr(diversity=rng.choice([None, 0.0, 0.3, 0.5, 1.0]), candidates_limit=rng.choice([None, 3, 20, 100]))
    query = models.NearestQuery(nearest=vector(rng, space.size, space.style), mmr=diversity)
    arguments = {**scored(rng, space), "query": query}
    arguments["limit"] = rng.choice([1, 3, 10])
    return Operation("MMR", "query_points", arguments, "scored-list")


def recommend(rng: random.Random, space: Space) -> Operation:
    strategy = rng.choice([None, *models.RecommendStrategy])
    examples = [[example(rng, space) for _ in range(rng.randint(least, 3))] for least in (1, 0)]
    wanted = models.RecommendInput(positive=examples[0], negative=examples[1] or None, strategy=strategy)
    query = models.RecommendQuery(recommend=wanted)
    return Operation("recommend", "query_points", {"query": query, **scored(rng, space)}, "scored", FULL)


def pairs(rng: random.Random, space: Space) -> list[models.ContextPair]:
    one = lambda: models.ContextPair(positive=example(rng, space), negative=example(rng, space))  # noqa: E731
    return [one() for _ in range(rng.randint(1, 3))]


def discover(rng: random.Random, space: Space) -> Operation:
    wanted = models.DiscoverInput(target=example(rng, space), context=pairs(rng, space))
    query = models.DiscoverQuery(discover=wanted)
    return Operation("discover", "query_points", {"query": query, **scored(rng, space)}, "scored", FULL)


def context(rng: random.Random, space: Space) -> Operation:
    query = models.ContextQuery(context=pairs(rng, space))
    return Operation("context", "query_points", {"query": query, **scored(rng, space)}, "scored", FULL)


def groups(rng: random.Random, space: Space) -> Operation:
    arguments = {name: value for name, value in scored(rng, space).items() if name != "offset"}
    arguments["limit"] = rng.choice([1, 3, 10, 50])
    group_by = {"group_by": rng.choice(["color", "year", "uuid", "parts[].color"]), "group_size": rng.randint(1, 4)}
    full = {"limit": EVERYTHING, "group_size": EVERYTHING}
    return Operation("groups", "query_points_groups", {"query": example(rng, space), **group_by, **arguments}, "groups", full)


def facet(rng: random.Random, _: Space) -> Operation:
    # One type a field: the server counts the values of one index, which has one type.
    key = rng.choice(["color", "year", "open"])
    limit = rng.choice([1, 3, 100])
    return Operation("facet", "facet", {"key": key, "facet_filter": maybe_filter(rng), "limit": limit, "exact": True}, "equal")


INDEXES: dict[str, Any] = {
    "color": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    "about.deep.color": models.PayloadSchemaType.KEYWORD,
    "year": models.PayloadSchemaType.INTEGER,
    "price": models.PayloadSchemaType.FLOAT,
    "open": models.PayloadSchemaType.BOOL,
    "time": models.PayloadSchemaType.DATETIME,
    "where": models.PayloadSchemaType.GEO,
    "uuid": models.PayloadSchemaType.UUID,
    "parts[].size": models.PayloadSchemaType.INTEGER,
    # As fields without an index are matched: whole words, without regard to case.
    "text": models.TextIndexParams(type=models.TextIndexType.TEXT, tokenizer=models.TokenizerType.WORD, lowercase=True),
}


def create_index(rng: random.Random, _: Space) -> Operation:
    name = rng.choice(list(INDEXES))
    return Operation("create index", "create_payload_index", {"field_name": name, "field_schema": INDEXES[name]})


def delete_index(rng: random.Random, _: Space) -> Operation:
    return Operation("delete index", "delete_payload_index", {"field_name": rng.choice(list(INDEXES))})


READS: list[Maker] = [*[nearest] * 6, *[scroll] * 3, *[count] * 3, listing, query_batch, retrieve]
READS += [scroll_ordered, order_by_query, recommend, discover, context, groups, facet]
WRITES: list[Maker] = [*[upsert] * 6, delete, set_payload, overwrite_payload, delete_payload, clear_payload, update_vectors]
WRITES += [upsert_if, upsert_mode, points_batch, create_index, delete_index]


def random_operation(rng: random.Random, space: Space) -> Operation:
    # Where scores tie, more than one order of MMR is right.
    reads = READS if space.style == "integers" else [*READS, mmr]
    return rng.choice(reads if rng.random() < 0.7 else WRITES)(rng, space)
