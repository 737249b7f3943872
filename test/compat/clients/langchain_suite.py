"""LangChain's standard tests for vector stores, on its store for Qdrant."""

from typing import Any

import pytest
from langchain_qdrant import QdrantVectorStore
from langchain_tests.integration_tests.vectorstores import EMBEDDING_SIZE, VectorStoreIntegrationTests
from qdrant_client import QdrantClient, models


@pytest.fixture(scope="session")
def client(server: str) -> Any:
    made = QdrantClient(server, timeout=60)
    params = models.VectorParams(size=EMBEDDING_SIZE, distance=models.Distance.COSINE)
    made.delete_collection("langchain-suite")
    made.create_collection("langchain-suite", vectors_config=params)
    yield made
    made.delete_collection("langchain-suite")


class TestLangChain(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, client: QdrantClient) -> Any:
        everything = models.FilterSelector(filter=models.Filter(must=[]))
        client.delete("langchain-suite", points_selector=everything, wait=True)
        return QdrantVectorStore(client=client, collection_name="langchain-suite", embedding=self.get_embeddings())
