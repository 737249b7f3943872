"""The two engines: the published client's own in memory, and the server under test through the same client."""

import json
import re
import warnings
from typing import Any, Callable

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse
from qdrant_client.local import local_collection, payload_filters

from operations import EVERYTHING, Operation, Space

warnings.filterwarnings("ignore", module="operations|engines|qdrant_client")
warnings.filterwarnings("ignore", message=".*(Payload indexes|Local mode performs).*")
# As the server refuses what it does not have; see `UNSUPPORTED` in core/errors.ts.
NOT_YET = re.compile(r"is not supported|are not supported|there is no route")


class Refused(Exception):
    """An engine refused an operation: `status` 0 for the one in memory, which has no status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status = status
        self.text = text

    @property
    def not_yet(self) -> bool:
        return self.status in (400, 404) and NOT_YET.search(self.text) is not None


class Engine:
    def __init__(self, client: QdrantClient) -> None:
        self.client = client

    def call(self, space: Space, operation: Operation, full: bool = False) -> Any:
        arguments = {**operation.arguments, **(operation.full if full else {})}
        if operation.method == "query_batch_points" and full:
            requests = [one.model_copy(update={"limit": EVERYTHING}) for one in arguments["requests"]]
            arguments = {"requests": requests}
        if operation.how == "ordered-query" and full:
            return self.client.scroll(
                space.name,
                scroll_filter=arguments["query_filter"],
                order_by=arguments["query"].order_by,
                limit=EVERYTHING,
            )
        if operation.how == "done":
            arguments["wait"] = True
        try:
            return getattr(self.client, operation.method)(collection_name=space.name, **arguments)
        except UnexpectedResponse as error:
            raise Refused(error.status_code or 0, error_text(error.content)) from error
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise Refused(0, f"{type(error).__name__}: {error}") from error


def error_text(content: bytes) -> str:
    try:
        return str(json.loads(content)["status"]["error"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace")[:300]


def in_memory() -> Engine:
    return Engine(QdrantClient(":memory:"))


def served(url: str) -> Engine:
    return Engine(QdrantClient(url=url, timeout=30))


def empty(engines: tuple[Engine, Engine], space: Space) -> None:
    """The same empty collection in both."""
    ours, theirs = engines
    if theirs.client.collection_exists(space.name):
        theirs.client.delete_collection(space.name)
    theirs.client.create_collection(space.name, vectors_config=space.config)
    if not ours.client.collection_exists(space.name):
        ours.client.create_collection(space.name, vectors_config=space.config)
    ours.client.delete(space.name, points_selector=models.FilterSelector(filter=models.Filter(must=[])), wait=True)
    for index in list(ours.client.get_collection(space.name).payload_schema):
        ours.client.delete_payload_index(space.name, index, wait=True)


def break_engine(how: str) -> None:
    """Makes the engine in memory wrong, to show that the comparison notices."""
    breaks[how]()


def break_range() -> None:
    whole = payload_filters.check_range
    payload_filters.check_range = lambda condition, value: whole(
        condition.model_copy(update={"gt": condition.gte, "gte": None}) if condition.gte is not None else condition, value
    )


def break_delete() -> None:
    whole = local_collection.LocalCollection._delete_ids
    local_collection.LocalCollection._delete_ids = lambda self, ids: whole(self, ids[1:])


def break_scores() -> None:
    whole = local_collection.calculate_distance
    local_collection.calculate_distance = lambda *given: whole(*given) * (1 + 3e-3)


breaks: dict[str, Callable[[], None]] = {"range": break_range, "delete": break_delete, "scores": break_scores}
