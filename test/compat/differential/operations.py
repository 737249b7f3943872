"""Random operations, reads and writes."""

import random

from reads import READS, discover, mmr
from space import Operation, Space
from writes import ALIASES, WRITES


def random_operation(rng: random.Random, space: Space) -> Operation:
    # Where scores tie, more than one order of MMR is right.
    reads = [*READS, *([mmr] if space.style == "gaussian" else []), *([] if space.rounds else [discover])]
    read = rng.random() < 0.7
    operation = rng.choice(reads if read else WRITES)(rng, space)
    if read and rng.random() < 0.05:
        # Refused by both while there is no such alias.
        operation.arguments["collection_name"] = rng.choice(ALIASES)
    return operation
