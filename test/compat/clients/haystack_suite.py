"""Haystack's tests for document stores, as its makers publish them, on its store for Qdrant.

MaksDB has no points without a vector, and the documents of these tests have none: each gets one before it is written.
"""

from dataclasses import replace
from typing import Any

import pytest
from haystack import Document
from haystack.testing.document_store import DocumentStoreBaseExtendedTests
from haystack_integrations.document_stores.qdrant import QdrantDocumentStore


# Of the vectors that the makers' own documents have.
SIZE = 768


class StoreOfEmbedded(QdrantDocumentStore):
    def write_documents(self, documents: Any, *rest: Any, **given: Any) -> int:
        whole = isinstance(documents, list) and all(isinstance(one, Document) for one in documents)
        embedded = [one if one.embedding else replace(one, embedding=[1.0] * SIZE) for one in documents] if whole else documents
        return super().write_documents(embedded, *rest, **given)


@pytest.fixture(scope="session")
def store(server: str) -> Any:
    made = StoreOfEmbedded(location=server, index="haystack", embedding_dim=SIZE, recreate_index=True, timeout=60, wait_result_from_api=True)
    made.count_documents()
    yield made
    made._client.delete_collection("haystack")


class TestHaystack(DocumentStoreBaseExtendedTests):
    @pytest.fixture
    def document_store(self, store: Any) -> Any:
        store.delete_all_documents()
        return store

    def assert_documents_are_equal(self, received: list[Document], expected: list[Document]) -> None:
        def plain(documents: list[Document]) -> list[Document]:
            return sorted((replace(one, embedding=None, score=None) for one in documents), key=lambda one: one.id)

        assert plain(received) == plain(expected)

    def test_write_documents(self, document_store: Any) -> None:
        documents = [Document(content="one"), Document(content="two")]
        assert document_store.write_documents(documents) == 2
        self.assert_documents_are_equal(document_store.filter_documents(), documents)
