"""The connector of mcp-server-qdrant, with vectors of our own: its models cannot be downloaded."""

import asyncio
import sys

from mcp_server_qdrant.embeddings.base import EmbeddingProvider
from mcp_server_qdrant.qdrant import Entry, QdrantConnector
from qdrant_client import AsyncQdrantClient, QdrantClient, models

from checks import check


class Lengths(EmbeddingProvider):
    async def embed_documents(self, documents: list[str]) -> list[list[float]]:
        return [[float(len(one)), 1.0] for one in documents]

    async def embed_query(self, query: str) -> list[float]:
        return [float(len(query)), 1.0]

    def get_vector_name(self) -> str:
        return "fast-lengths"

    def get_vector_size(self) -> int:
        return 2


QdrantClient(sys.argv[1], timeout=60).delete_collection("mcp")
indexes = {"metadata.color": models.PayloadSchemaType.KEYWORD, "metadata.n": models.PayloadSchemaType.INTEGER}
connector = QdrantConnector(sys.argv[1], None, "mcp", Lengths(), field_indexes=indexes)
# The connector gives no time, and five seconds are short for a collection on a busy machine.
connector._client = AsyncQdrantClient(location=sys.argv[1], timeout=60)
loop = asyncio.new_event_loop()


def store() -> None:
    for n, text in enumerate(["a", "four", "a long text"]):
        loop.run_until_complete(connector.store(Entry(content=text, metadata={"n": n, "color": "red"})))


def search() -> None:
    found = loop.run_until_complete(connector.search("four", limit=1))
    assert [one.content for one in found] == ["four"], found


def search_filtered() -> None:
    conditions = [
        models.FieldCondition(key="metadata.color", match=models.MatchValue(value="red")),
        models.FieldCondition(key="metadata.n", range=models.Range(gte=2)),
    ]
    found = loop.run_until_complete(connector.search("four", query_filter=models.Filter(must=conditions)))
    assert [one.content for one in found] == ["a long text"], found


def names() -> None:
    assert "mcp" in loop.run_until_complete(connector.get_collection_names())


check("store", store)
check("search", search)
check("search with a filter", search_filtered)
check("list collections", names)
QdrantClient(sys.argv[1], timeout=60).delete_collection("mcp")
