"""LlamaIndex's store for Qdrant: nodes with metadata, filters, deletes by document and by node."""

import sys

from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters, VectorStoreQuery
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient

from checks import check

client = QdrantClient(sys.argv[1], timeout=60)
store = QdrantVectorStore(client=client, collection_name="llama-py")
IDS = [f"f4ef0cbb-8a7c-4d5c-9d8b-3a1f2e4d5c6{i}" for i in range(6)]


def node(i: int) -> TextNode:
    source = RelatedNodeInfo(node_id=f"doc-{i // 3}")
    metadata = {"n": i, "color": ["red", "blue"][i % 2], "tags": ["a"] if i < 2 else ["b"]}
    return TextNode(text=str(i), id_=IDS[i], embedding=[1.0, float(i)], metadata=metadata, relationships={NodeRelationship.SOURCE: source})


def add() -> None:
    if client.collection_exists("llama-py"):
        client.delete_collection("llama-py")
    assert store.add([node(i) for i in range(6)]) == IDS


def found(filters: MetadataFilters | None) -> list[str]:
    query = VectorStoreQuery(query_embedding=[1.0, 5.0], similarity_top_k=10, filters=filters)
    return sorted(store.query(query).ids or [])


def filters() -> None:
    def one(key: str, value: object, operator: FilterOperator) -> MetadataFilter:
        return MetadataFilter(key=key, value=value, operator=operator)

    assert found(MetadataFilters(filters=[one("color", "red", FilterOperator.EQ)])) == IDS[::2]
    assert found(MetadataFilters(filters=[one("n", 3, FilterOperator.GT), one("color", "blue", FilterOperator.EQ)])) == [IDS[5]]
    either = MetadataFilters(filters=[one("n", 1, FilterOperator.LTE), one("n", 5, FilterOperator.GTE)], condition=FilterCondition.OR)
    assert found(either) == [IDS[0], IDS[1], IDS[5]]
    assert found(MetadataFilters(filters=[one("color", ["red"], FilterOperator.NIN)])) == IDS[1::2]
    assert found(MetadataFilters(filters=[one("tags", ["a"], FilterOperator.IN)])) == IDS[:2]
    assert found(MetadataFilters(filters=[one("missing", None, FilterOperator.IS_EMPTY)])) == IDS


def get_nodes() -> None:
    assert sorted(one.node_id for one in store.get_nodes(node_ids=IDS[:2])) == IDS[:2]


def delete_document() -> None:
    store.delete("doc-1")
    assert found(None) == IDS[:3]


def delete_nodes() -> None:
    store.delete_nodes(node_ids=[IDS[0]])
    assert found(None) == IDS[1:3]


def clear() -> None:
    store.clear()
    assert not client.collection_exists("llama-py")


check("add nodes", add)
check("query with metadata filters", filters)
check("get_nodes", get_nodes)
check("delete a document", delete_document)
check("delete_nodes", delete_nodes)
check("clear", clear)
