"""Random writes: points, payloads, vectors, batches of them, indexes and aliases."""

import random
from typing import Any, Callable

from qdrant_client import models

from filters import random_filter
from space import Maker, Operation, Space
from values import IDS, any_path, payload, vector


def point_vector(rng: random.Random, space: Space) -> Any:
    # Not among vectors that should not tie.
    if space.style == "integers" and rng.random() < 0.05:
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


def stated_filter(rng: random.Random) -> models.Filter:
    """Not `{}`, for which the server refuses the whole of a batch and the engine in memory the rest of it."""
    made = random_filter(rng)
    return made if made.model_dump(exclude_none=True) else models.Filter(must=[])


def points_batch(rng: random.Random, space: Space) -> Operation:
    makers: list[Callable[[], Any]] = [
        lambda: models.UpsertOperation(upsert=models.PointsList(points=points(rng, space))),
        lambda: models.DeleteOperation(delete=models.PointIdsList(points=rng.sample(IDS, 2))),
        lambda: models.DeleteOperation(delete=models.FilterSelector(filter=stated_filter(rng))),
        lambda: models.SetPayloadOperation(
            set_payload=models.SetPayload(payload=payload(rng) or {}, filter=stated_filter(rng))
        ),
        lambda: models.OverwritePayloadOperation(
            overwrite_payload=models.SetPayload(payload=payload(rng) or {}, filter=stated_filter(rng))
        ),
        lambda: models.DeletePayloadOperation(
            delete_payload=models.DeletePayload(keys=[any_path(rng)], filter=stated_filter(rng))
        ),
        lambda: models.ClearPayloadOperation(clear_payload=models.FilterSelector(filter=stated_filter(rng))),
    ]
    operations = [rng.choice(makers)() for _ in range(rng.randint(1, 4))]
    return Operation("points/batch", "batch_update_points", {"update_operations": operations})


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


ALIASES = ["diff-alias-a", "diff-alias-b"]


def aliases(rng: random.Random, space: Space) -> Operation:
    """Several in one request: all of them or none."""

    def change() -> models.AliasOperations:
        one, other = rng.sample(ALIASES, 2)
        creation = models.CreateAlias(collection_name=space.name, alias_name=one)
        renaming = models.RenameAlias(old_alias_name=one, new_alias_name=other)
        deletion = models.DeleteAlias(alias_name=one)
        return rng.choice(
            [
                models.CreateAliasOperation(create_alias=creation),
                models.CreateAliasOperation(create_alias=creation),
                models.RenameAliasOperation(rename_alias=renaming),
                models.DeleteAliasOperation(delete_alias=deletion),
            ]
        )

    changes = [change() for _ in range(rng.randint(1, 3))]
    return Operation("aliases", "update_collection_aliases", {"change_aliases_operations": changes})


WRITES: list[Maker] = [*[upsert] * 6, delete, set_payload, overwrite_payload, delete_payload, clear_payload, update_vectors]
WRITES += [upsert_if, upsert_mode, points_batch, create_index, delete_index, aliases]
