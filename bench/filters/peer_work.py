"""What a peer of the benchmark of filters is given, and how its searches are timed: as `filters.ts` times those of a cell."""

import json
import sys
import time
from pathlib import Path

import numpy


class Work:
    def __init__(self, folder: Path) -> None:
        given = json.loads((folder / "work.json").read_text())
        self.folder = folder
        self.rows: int = given["rows"]
        self.dimension: int = given["dimension"]
        self.limit: int = given["limit"]
        self.searches: int = given["searches"]
        self.warm_up: int = given["warmUp"]
        self.checked: int = given["checked"]
        self.schemas: dict[str, str] = given["schemas"]
        self.address: str = given["address"]
        self.filters: list[dict] = given["cases"]
        self.vectors = self._vectors("vectors.f32")
        self.queries = self._vectors("queries.f32")

    def _vectors(self, name: str) -> numpy.ndarray:
        return numpy.fromfile(self.folder / name, dtype=numpy.float32).reshape(-1, self.dimension)

    def payloads(self):
        with (self.folder / "payloads.jsonl").open() as lines:
            for line in lines:
                yield json.loads(line)


def work() -> Work:
    return Work(Path(sys.argv[1]))


def measure(given: Work, about: str, queries: list, filters: list, search) -> None:
    """Prints the times. `search(query, filter or None)` returns ids; queries and filters are as the peer takes them."""

    def timed(query, chosen):
        started = time.perf_counter()
        ids = search(query, chosen)
        return ids, 1000 * (time.perf_counter() - started)

    for query in queries[: given.warm_up]:
        for chosen in filters:
            search(query, chosen)
    cases = []
    for chosen in filters:
        plain, filtered, answers = [], [], []
        for number, query in enumerate(queries[: given.searches]):
            plain.append(timed(query, None)[1])
            ids, took = timed(query, chosen)
            filtered.append(took)
            if number < given.checked:
                answers.append(ids)
        cases.append({"plain": plain, "filtered": filtered, "answers": answers})
    print(json.dumps({"about": about, "cases": cases}))
