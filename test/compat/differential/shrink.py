"""Makes a failing list of operations small: leaves out operations, then points, conditions and options of those that stay."""

import time
from typing import Any, Callable

from qdrant_client import models

from operations import Operation

Fails = Callable[[list[Operation]], str | None]


def shrink(operations: list[Operation], fails: Fails, seconds: float) -> tuple[list[Operation], str | None]:
    """The smallest list that was found, and how it fails; None if the whole list does not fail again."""
    deadline = time.monotonic() + seconds
    why = fails(operations)
    if why is None:
        return operations, None
    size = max(1, len(operations) // 2)
    while size >= 1 and time.monotonic() < deadline:
        start, smaller = 0, False
        while start < len(operations) and time.monotonic() < deadline:
            without = operations[:start] + operations[start + size :]
            failure = fails(without) if without else None
            if failure is None:
                start += size
            else:
                operations, why, smaller = without, failure, True
        size = size // 2 if not smaller or size > 1 else size
        if size == 1 and not smaller:
            break
    return shrink_arguments(operations, why, fails, deadline)


def shrink_arguments(operations: list[Operation], why: str, fails: Fails, deadline: float) -> tuple[list[Operation], str]:
    again = True
    while again and time.monotonic() < deadline:
        again = False
        for at, operation in enumerate(operations):
            for arguments in smaller_arguments(operation.arguments):
                if time.monotonic() > deadline:
                    break
                tried = Operation(operation.kind, operation.method, arguments, operation.how, operation.full)
                attempt = [*operations[:at], tried, *operations[at + 1 :]]
                failure = fails(attempt)
                if failure is not None:
                    operations, why, again = attempt, failure, True
                    break
    return operations, why


def points_of(batch: models.Batch) -> list[models.PointStruct]:
    def vector(at: int) -> Any:
        if isinstance(batch.vectors, dict):
            return {name: column[at] for name, column in batch.vectors.items()}
        return batch.vectors[at]

    return [
        models.PointStruct(id=one, vector=vector(at), payload=(batch.payloads or [None] * len(batch.ids))[at])
        for at, one in enumerate(batch.ids)
    ]


def smaller_arguments(arguments: dict[str, Any]) -> Any:
    for name, value in arguments.items():
        if isinstance(value, models.Batch):
            yield {**arguments, name: points_of(value)}
        if isinstance(value, list) and len(value) > 1 and not isinstance(value[0], float):
            yield from ({**arguments, name: value[:i] + value[i + 1 :]} for i in range(len(value)))
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], models.PointStruct):
            stored = value[0].payload or {}
            for key in stored:
                rest = {other: kept for other, kept in stored.items() if other != key}
                yield {**arguments, name: [value[0].model_copy(update={"payload": rest})]}
        if isinstance(value, models.FilterSelector):
            yield from ({**arguments, name: models.FilterSelector(filter=less)} for less in smaller_filters(value.filter))
        if isinstance(value, models.Filter):
            yield from ({**arguments, name: less} for less in smaller_filters(value))


def smaller_filters(whole: models.Filter) -> Any:
    for name in ("must", "must_not", "should"):
        clause = getattr(whole, name)
        if clause is None:
            continue
        yield whole.model_copy(update={name: None})
        if isinstance(clause, list):
            yield from (whole.model_copy(update={name: clause[:i] + clause[i + 1 :]}) for i in range(len(clause)))
            for i, one in enumerate(clause):
                if isinstance(one, models.Filter):
                    yield one
                    yield from (
                        whole.model_copy(update={name: [*clause[:i], less, *clause[i + 1 :]]}) for less in smaller_filters(one)
                    )
    if whole.min_should is not None:
        yield whole.model_copy(update={"min_should": None})
