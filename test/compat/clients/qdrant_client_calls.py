"""What programs do with qdrant-client, of the version that this interpreter has: from 1.9 to the newest."""

import sys
from typing import Any

from qdrant_client import QdrantClient, models

from checks import check

NAME = "calls-py"
client = QdrantClient(sys.argv[1], timeout=60)
red = models.FieldCondition(key="color", match=models.MatchValue(value="red"))
RED = models.Filter(must=[red])


def create() -> None:
    if client.collection_exists(NAME) if hasattr(client, "collection_exists") else False:
        client.delete_collection(NAME)
    client.create_collection(NAME, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
    assert client.get_collection(NAME).config.params.vectors.size == 2


def upsert() -> None:
    points = [
        models.PointStruct(id=i, vector=[float(i), 1.0], payload={"color": ["red", "blue"][i % 2], "n": i, "group": i // 4})
        for i in range(8)
    ]
    assert client.upsert(NAME, points=points, wait=True).status == models.UpdateStatus.COMPLETED
    assert client.count(NAME, exact=True).count == 8


def ids(found: Any) -> list[Any]:
    return [one.id for one in found]


def legacy_search() -> None:
    assert ids(client.search(NAME, query_vector=[1.0, 0.0], query_filter=RED, limit=2)) == [6, 4]
    batch = [models.SearchRequest(vector=[1.0, 0.0], limit=1), models.SearchRequest(vector=[-1.0, 0.0], limit=1, filter=RED)]
    assert [ids(one) for one in client.search_batch(NAME, requests=batch)] == [[7], [0]]


def legacy_recommend() -> None:
    found = client.recommend(NAME, positive=[5], negative=[0], query_filter=RED, limit=2)
    assert ids(found) == [6, 4], found


def legacy_groups() -> None:
    found = client.search_groups(NAME, query_vector=[1.0, 0.0], group_by="group", limit=2, group_size=1)
    assert [(group.id, ids(group.hits)) for group in found.groups] == [(1, [7]), (0, [3])], found


def query() -> None:
    found = client.query_points(NAME, query=[1.0, 0.0], query_filter=RED, limit=2, score_threshold=5.0, with_payload=["n"])
    assert [(one.id, one.payload) for one in found.points] == [(6, {"n": 6})], found
    batch = [models.QueryRequest(query=[1.0, 0.0], limit=1), models.QueryRequest(query=3, limit=1, filter=RED)]
    assert [ids(one.points) for one in client.query_batch_points(NAME, requests=batch)] == [[7], [6]]


def recommend() -> None:
    wanted = models.RecommendQuery(recommend=models.RecommendInput(positive=[5], negative=[0]))
    assert ids(client.query_points(NAME, query=wanted, query_filter=RED, limit=2).points) == [6, 4]


def query_groups() -> None:
    found = client.query_points_groups(NAME, query=[1.0, 0.0], group_by="group", limit=2, group_size=1)
    assert [(group.id, ids(group.hits)) for group in found.groups] == [(1, [7]), (0, [3])], found


def facet() -> None:
    found = client.facet(NAME, key="color", facet_filter=models.Filter(must=[models.FieldCondition(key="n", range=models.Range(lt=3))]))
    assert [(hit.value, hit.count) for hit in found.hits] == [("red", 2), ("blue", 1)], found


def scroll() -> None:
    records, after = client.scroll(NAME, scroll_filter=RED, limit=3, with_vectors=True)
    assert (ids(records), after, records[1].vector) == ([0, 2, 4], 6, [2.0, 1.0])


def order_by() -> None:
    order = models.OrderBy(key="n", direction=models.Direction.DESC)
    assert ids(client.scroll(NAME, order_by=order, limit=3)[0]) == [7, 6, 5]


def index() -> None:
    client.create_payload_index(NAME, "color", field_schema=models.PayloadSchemaType.KEYWORD, wait=True)
    assert "color" in client.get_collection(NAME).payload_schema
    client.delete_payload_index(NAME, "color", wait=True)
    assert "color" not in client.get_collection(NAME).payload_schema


def payload() -> None:
    client.set_payload(NAME, payload={"n": 70}, points=[7], wait=True)
    client.overwrite_payload(NAME, payload={"color": "green"}, points=[6], wait=True)
    client.delete_payload(NAME, keys=["group"], points=[5], wait=True)
    client.clear_payload(NAME, points_selector=[4], wait=True)
    found = {one.id: one.payload for one in client.retrieve(NAME, ids=[4, 5, 6, 7])}
    assert found == {4: {}, 5: {"color": "blue", "n": 5}, 6: {"color": "green"}, 7: {"color": "blue", "n": 70, "group": 1}}, found


def vectors() -> None:
    client.update_vectors(NAME, points=[models.PointVectors(id=1, vector=[9.0, 9.0])], wait=True)
    assert client.retrieve(NAME, ids=[1], with_vectors=True)[0].vector == [9.0, 9.0]


def batch_update() -> None:
    operations = [
        models.UpsertOperation(upsert=models.PointsList(points=[models.PointStruct(id=20, vector=[0.0, 0.0])])),
        models.SetPayloadOperation(set_payload=models.SetPayload(payload={"n": 20}, points=[20])),
        models.DeleteOperation(delete=models.PointIdsList(points=[0])),
    ]
    client.batch_update_points(NAME, update_operations=operations, wait=True)
    assert [(one.id, one.payload) for one in client.retrieve(NAME, ids=[0, 20])] == [(20, {"n": 20})]


def aliases() -> None:
    create_alias = models.CreateAlias(collection_name=NAME, alias_name="calls-alias")
    client.update_collection_aliases([models.CreateAliasOperation(create_alias=create_alias)])
    assert client.count("calls-alias").count == client.count(NAME).count
    delete_alias = models.DeleteAlias(alias_name="calls-alias")
    client.update_collection_aliases([models.DeleteAliasOperation(delete_alias=delete_alias)])


def delete() -> None:
    client.delete(NAME, points_selector=models.FilterSelector(filter=models.Filter(must=[models.FieldCondition(key="n", range=models.Range(gte=2))])), wait=True)
    client.delete(NAME, points_selector=[1], wait=True)
    assert client.count(NAME).count < 8


def upload() -> None:
    client.upload_collection(NAME, vectors=[[float(i), 2.0] for i in range(300)], ids=range(100, 400), wait=True)
    assert client.retrieve(NAME, ids=[399])[0].id == 399


def drop() -> None:
    assert client.delete_collection(NAME)


OLD = [("search, search/batch with filters", "search", legacy_search), ("recommend", "recommend", legacy_recommend)]
OLD += [("search/groups", "search_groups", legacy_groups)]
NEW = [("query, query/batch with filters", "query_points", query), ("recommend in a query", "query_points", recommend)]
NEW += [("query/groups", "query_points_groups", query_groups), ("facet", "facet", facet)]

check("create a collection", create)
check("upsert, count", upsert)
for what, method, run in [*OLD, *NEW]:
    if hasattr(client, method):
        check(what, run)
for what, run in [("scroll with a filter", scroll), ("scroll with order_by", order_by), ("payload indexes", index)]:
    check(what, run)
for what, run in [("set, overwrite, delete, clear payload", payload), ("update vectors", vectors), ("points/batch", batch_update)]:
    check(what, run)
for what, run in [("aliases", aliases), ("delete by filter and ids", delete), ("upload_collection", upload), ("delete the collection", drop)]:
    check(what, run)
