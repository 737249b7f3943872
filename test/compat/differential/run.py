"""Performs random operations on both engines and compares what they answer.

Prints progress on standard error, and one JSON report. Operations run in episodes: each begins with an empty collection,
and follows from the seed and its number alone.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from qdrant_client import models

import corrections
from compare import difference
from engines import Engine, Refused, break_engine, empty, in_memory, served
from operations import EVERYTHING, Operation, Space, random_operation, upsert
from shrink import shrink

EPISODE = 250
SPACES = [
    Space("diff-euclid", 3, models.Distance.EUCLID, ""),
    Space("diff-cosine", 4, models.Distance.COSINE, "text"),
    Space("diff-dot", 2, models.Distance.DOT, ""),
    Space("diff-cells", 3, models.Distance.COSINE, ""),
]
WHOLE = Operation("the whole collection", "scroll", {"limit": EVERYTHING, "with_vectors": True}, "scroll")


@dataclass
class Outcome:
    """`failure`: how the engines differ. `not_yet`: why the server does not take this kind of operation."""

    failure: str | None = None
    not_yet: str | None = None
    refused: bool = False


def perform(engines: tuple[Engine, Engine], space: Space, operation: Operation) -> Outcome:
    ours, theirs = (attempt(engine, space, operation) for engine in engines) if is_read(operation) else write(engines, space, operation)
    if isinstance(ours, Refused):
        if ours.not_yet:
            return Outcome(not_yet=ours.text)
        if isinstance(theirs, Refused) and 400 <= ours.status < 500:
            return Outcome(refused=True)
        return Outcome(failure=f"refused with {ours}, but in memory: {theirs!r}"[:600])
    if isinstance(theirs, Refused):
        return Outcome(failure=f"taken, but in memory: {theirs}")
    return Outcome(failure=difference(operation.how, ours, theirs, lambda: engines[1].call(space, operation, full=True)))


def is_read(operation: Operation) -> bool:
    return operation.how != "done"


def write(engines: tuple[Engine, Engine], space: Space, operation: Operation) -> tuple[Any, Any]:
    """What the server does not take at all must not change the engine in memory either."""
    ours = attempt(engines[0], space, operation)
    if isinstance(ours, Refused) and ours.not_yet:
        return ours, None
    return ours, attempt(engines[1], space, operation)


def attempt(engine: Engine, space: Space, operation: Operation) -> Any:
    try:
        return engine.call(space, operation)
    except Refused as refused:
        return refused


def replay(engines: tuple[Engine, Engine], space: Space, operations: list[Operation]) -> str | None:
    """The first difference between the engines after these operations on an empty collection."""
    empty(engines, space)
    for operation in operations:
        failure = perform(engines, space, operation).failure
        if failure is not None:
            return failure
    return perform(engines, space, WHOLE).failure


def shown(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True, by_alias=True)
    return [shown(one) for one in value] if isinstance(value, list) else value


class Run:
    def __init__(self, engines: tuple[Engine, Engine], seed: int, shrink_seconds: float) -> None:
        self.engines = engines
        self.shrink_seconds = shrink_seconds
        self.seed = seed
        self.kinds: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.not_yet: dict[str, str] = {}
        self.mismatches: list[dict[str, Any]] = []

    def episode(self, number: int, length: int) -> int:
        """Returns how many operations were compared."""
        rng = random.Random(f"{self.seed}/{number}")
        space = SPACES[number % len(SPACES)]
        space.style = rng.choice(["integers", "gaussian"])
        empty(self.engines, space)
        done: list[Operation] = []
        while len(done) < length:
            operation = upsert(rng, space) if len(done) < 4 else random_operation(rng, space)
            if operation.kind in self.not_yet:
                continue
            outcome = perform(self.engines, space, operation)
            if outcome.not_yet is not None:
                self.not_yet[operation.kind] = outcome.not_yet
                continue
            done.append(operation)
            self.kinds[operation.kind] += 1
            self.refused[operation.kind] += outcome.refused
            last = len(done) == length
            failure = outcome.failure or (perform(self.engines, space, WHOLE).failure if last else None)
            if failure is not None:
                self.report(number, space, done, failure)
                break
        return len(done)

    def report(self, number: int, space: Space, done: list[Operation], failure: str) -> None:
        print(f"episode {number}, {done[-1].kind}: {failure}", file=sys.stderr, flush=True)
        least, why = shrink(done, lambda some: replay(self.engines, space, some), self.shrink_seconds)
        collection = {"size": space.size, "distance": space.distance.value, "vector": space.vector_name}
        calls = [{one.method: {name: shown(value) for name, value in one.arguments.items()}} for one in least]
        self.mismatches.append(
            {
                "episode": number,
                "kind": done[-1].kind,
                "failure": why or failure,
                "reproducible": why is not None,
                "collection": collection,
                "calls": calls,
            }
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--operations", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--episode", type=int, help="only this one")
    parser.add_argument("--most", type=int, default=10, help="mismatches after which it ends")
    parser.add_argument("--shrink-seconds", type=float, default=45, help="how long a failing list of calls is made smaller")
    parser.add_argument("--break-engine", default=None)
    given = parser.parse_args()
    corrections.apply()
    if given.break_engine is not None:
        break_engine(given.break_engine)
    run = Run((served(given.url), in_memory()), given.seed, given.shrink_seconds)
    started, operations, number = time.monotonic(), 0, given.episode or 0
    while operations < given.operations and len(run.mismatches) < given.most:
        operations += run.episode(number, min(EPISODE, given.operations - operations))
        number += 1
        if given.episode is not None:
            break
        if number % 20 == 0:
            print(f"{operations} operations in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    report = {
        "operations": operations,
        "episodes": number,
        "seconds": round(time.monotonic() - started, 1),
        "kinds": dict(sorted(run.kinds.items())),
        "refused": {kind: times for kind, times in sorted(run.refused.items()) if times > 0},
        "notYet": dict(sorted(run.not_yet.items())),
        "mismatches": run.mismatches,
    }
    print(json.dumps(report))


main()
