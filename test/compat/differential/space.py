"""A collection, and a call of the published client on it: the same arguments go to both engines."""

import random
from dataclasses import dataclass, field
from typing import Any, Callable

from qdrant_client import models

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
    def rounds(self) -> bool:
        """Are equal similarities made unequal by rounding? Then a score that depends on which one is larger is a matter of chance."""
        return self.style == "integers" and self.distance == models.Distance.COSINE

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
