"""Unmodified Python clients against a running server: qdrant-client, LangChain's and LlamaIndex's stores.

Needs no filter and no MMR. Fails by assertion; prints the name of each client that passed.
"""

import sys

from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_qdrant import QdrantVectorStore as LangChainStore
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import VectorStoreQuery
from llama_index.vector_stores.qdrant import QdrantVectorStore as LlamaIndexStore
from qdrant_client import QdrantClient, models


def qdrant_client(client: QdrantClient) -> None:
    client.create_collection("py", vectors_config=models.VectorParams(size=4, distance=models.Distance.EUCLID))
    assert client.collection_exists("py")
    assert client.get_collection("py").config.params.vectors.size == 4
    points = [models.PointStruct(id=i, vector=[1, i, 0, 0], payload={"i": i}) for i in range(10)]
    assert client.upsert("py", points=points, wait=True).status == models.UpdateStatus.COMPLETED
    found = client.query_points("py", query=[1, 3, 0, 0], limit=2, with_payload=True).points
    assert found[0].id == 3 and found[0].score == 0 and found[0].payload == {"i": 3}, found
    assert {point.id for point in client.query_points("py", query=3, limit=2).points} == {2, 4}
    records, offset = client.scroll("py", limit=3)
    assert [record.id for record in records] == [0, 1, 2] and offset == 3
    assert client.retrieve("py", ids=[7], with_vectors=True)[0].vector == [1, 7, 0, 0]
    client.delete("py", points_selector=[1, 2])
    assert client.count("py", exact=True).count == 8
    client.upload_collection("py", vectors=[[0.5, i, 1, 2] for i in range(300)], ids=range(100, 400), wait=True)
    assert client.count("py").count == 308
    batch = client.query_batch_points("py", requests=[models.QueryRequest(query=[1, 9, 0, 0], limit=1)])
    assert batch[0].points[0].id == 9
    assert client.delete_collection("py")


def named_vector(client: QdrantClient) -> None:
    size = models.VectorParams(size=2, distance=models.Distance.COSINE)
    client.create_collection("named", vectors_config={"text": size})
    assert client.get_collection("named").config.params.vectors["text"].size == 2
    points = [models.PointStruct(id=1, vector={"text": [3, 4]}), models.PointStruct(id=2, vector={"text": [0, 0]})]
    client.upsert("named", points=points, wait=True)
    found = client.query_points("named", query=[3, 4], using="text", with_vectors=["text"], limit=999999999).points
    assert [(point.id, point.score) for point in found] == [(1, 1), (2, 0)], found
    assert found[1].vector == {"text": [0, 0]}, found
    assert [point.id for point in client.query_points("named").points] == [1, 2]
    assert client.get_aliases().aliases == []
    client.delete_collection("named")


def langchain(url: str, client: QdrantClient) -> None:
    embedding = DeterministicFakeEmbedding(size=8)
    store = LangChainStore.from_texts(["one", "two", "three"], embedding, url=url, collection_name="lc", force_recreate=True)
    assert store.similarity_search("two", k=1)[0].page_content == "two"
    ids = store.add_texts(["four"])
    assert store.get_by_ids(ids)[0].page_content == "four"
    assert store.delete(ids)
    assert store.get_by_ids(ids) == []
    client.delete_collection("lc")


def llama_index(client: QdrantClient) -> None:
    store = LlamaIndexStore(client=client, collection_name="li")
    nodes = [TextNode(text=str(i), id_=f"f4ef0cbb-8a7c-4d5c-9d8b-3a1f2e4d5c6{i}", embedding=[1.0, float(i), 0.0, 0.0]) for i in range(4)]
    store.add(nodes)
    result = store.query(VectorStoreQuery(query_embedding=[1.0, 0.0, 0.0, 0.0], similarity_top_k=1))
    assert result.ids == [nodes[0].node_id]
    client.delete_collection("li")


url = sys.argv[1]
shared = QdrantClient(url=url)
qdrant_client(shared)
named_vector(shared)
langchain(url, shared)
llama_index(shared)
print("qdrant-client, LangChain, LlamaIndex")
