"""An unmodified qdrant-client that prefers gRPC, against a running server: each call that the server speaks, and what it refuses.

REST must not be asked: its port has nobody for the client. Fails by assertion; prints how many steps passed.
"""

import sys
from datetime import datetime, timezone

import grpc
from qdrant_client import QdrantClient, models

port = int(sys.argv[1])
client = QdrantClient(host="127.0.0.1", port=1, grpc_port=port, prefer_grpc=True, check_compatibility=False, timeout=60)
NAME = "grpc"


def collections() -> None:
    assert not client.collection_exists(NAME)
    assert client.create_collection(NAME, vectors_config=models.VectorParams(size=4, distance=models.Distance.EUCLID))
    assert client.collection_exists(NAME)
    info = client.get_collection(NAME)
    assert info.config.params.vectors.size == 4 and info.config.params.vectors.distance == models.Distance.EUCLID
    assert info.status == models.CollectionStatus.GREEN and info.points_count == 0, info
    assert NAME in [one.name for one in client.get_collections().collections]


PAYLOADS = [
    {"i": i, "half": i + 0.5, "even": i % 2 == 0, "tags": [f"t{i}", "all"], "none": None, "deep": {"a": [{"b": i}]},
     "time": f"2026-01-0{i + 1}T00:00:00Z", "place": {"lon": float(i), "lat": 50.0}, "text": "rain and wind" if i < 3 else "sun"}
    for i in range(8)
]
UUID = "f4ef0cbb-8a7c-4d5c-9d8b-3a1f2e4d5c61"


def points() -> None:
    made = [models.PointStruct(id=i, vector=[1, i, 0, 0], payload=payload) for i, payload in enumerate(PAYLOADS)]
    made.append(models.PointStruct(id=UUID, vector=[9, 9, 9, 9]))
    assert client.upsert(NAME, points=made, wait=True).status == models.UpdateStatus.COMPLETED
    batch = models.Batch(ids=[2**63], vectors=[[50, 50, 50, 50]], payloads=[{"large": 2**53 + 1}])
    assert client.upsert(NAME, points=batch, wait=True).status == models.UpdateStatus.COMPLETED
    found = client.retrieve(NAME, ids=[3, UUID, 2**63, 77], with_vectors=True)
    by_id = {point.id: point for point in found}
    assert set(by_id) == {3, UUID, 2**63}, found
    assert by_id[3].payload == PAYLOADS[3] and by_id[3].vector == [1, 3, 0, 0], by_id[3]
    assert by_id[2**63].payload == {"large": 2**53 + 1}
    assert not client.retrieve(NAME, ids=[3], with_payload=False)[0].payload
    assert client.retrieve(NAME, ids=[3], with_payload=["deep.a[].b", "i"])[0].payload == {"i": 3, "deep": {"a": [{"b": 3}]}}
    selector = models.PayloadSelectorExclude(exclude=["deep", "tags", "time", "place", "text", "none", "half"])
    assert client.retrieve(NAME, ids=[3], with_payload=selector)[0].payload == {"i": 3, "even": False}


def queries() -> None:
    found = client.query_points(NAME, query=[1, 3, 0, 0], limit=2, with_payload=True, with_vectors=True).points
    assert found[0].id == 3 and found[0].score == 0 and found[0].payload == PAYLOADS[3] and found[0].vector == [1, 3, 0, 0], found
    assert {point.id for point in client.query_points(NAME, query=3, limit=2).points} == {2, 4}
    near = client.query_points(NAME, query=[1, 3, 0, 0], limit=9, score_threshold=1.0, offset=1).points
    assert {point.id for point in near} == {2, 4}, near
    exact = models.SearchParams(exact=True, hnsw_ef=10)
    assert client.query_points(NAME, query=[1, 3, 0, 0], limit=1, search_params=exact, timeout=10).points[0].id == 3
    assert [point.id for point in client.query_points(NAME, limit=3).points] == [0, 1, 2]
    requests = [models.QueryRequest(query=[1, 6, 0, 0], limit=1), models.QueryRequest(query=2, limit=1, with_payload=["i"])]
    first, second = client.query_batch_points(NAME, requests=requests)
    assert first.points[0].id == 6 and second.points[0].payload in ({"i": 1}, {"i": 3})
    recommended = client.query_points(NAME, query=models.RecommendQuery(
        recommend=models.RecommendInput(positive=[1, [1, 2, 0, 0]], negative=[7], strategy=models.RecommendStrategy.BEST_SCORE)), limit=1)
    assert recommended.points[0].id in (0, 2), recommended
    pair = models.ContextPair(positive=1, negative=7)
    assert client.query_points(NAME, query=models.DiscoverQuery(discover=models.DiscoverInput(target=2, context=[pair])), limit=1).points
    assert client.query_points(NAME, query=models.ContextQuery(context=[pair]), limit=1).points
    ordered = client.query_points(NAME, query=models.OrderByQuery(order_by=models.OrderBy(key="i", direction="desc")), limit=2).points
    assert [point.id for point in ordered] == [7, 6], ordered
    assert len(client.query_points(NAME, query=models.SampleQuery(sample=models.Sample.RANDOM), limit=4).points) == 4
    diverse = models.NearestQuery(nearest=[1, 3, 0, 0], mmr=models.Mmr(diversity=0.5, candidates_limit=5))
    assert len(client.query_points(NAME, query=diverse, limit=3).points) == 3


def ids_where(**clauses: object) -> set:
    records, _ = client.scroll(NAME, scroll_filter=models.Filter(**clauses), limit=100)
    found = {record.id for record in records}
    assert client.count(NAME, count_filter=models.Filter(**clauses), exact=True).count == len(found)
    assert {point.id for point in client.query_points(NAME, query=[0, 0, 0, 0], query_filter=models.Filter(**clauses), limit=100).points} == found
    return found


def filters() -> None:
    field = models.FieldCondition
    key = lambda name, **test: field(key=name, **test)
    everything = set(range(8)) | {UUID, 2**63}
    assert ids_where(must=[key("i", match=models.MatchValue(value=3))]) == {3}
    assert ids_where(must=[key("even", match=models.MatchValue(value=True))]) == {0, 2, 4, 6}
    assert ids_where(must=[key("tags", match=models.MatchValue(value="t5"))]) == {5}
    assert ids_where(must=[key("tags", match=models.MatchAny(any=["t5", "t6"]))]) == {5, 6}
    assert ids_where(must=[key("i", match=models.MatchAny(any=[1, 2]))]) == {1, 2}
    assert ids_where(must=[key("i", match=models.MatchExcept(**{"except": [1, 2, 3, 4, 5, 6]}))]) == {0, 7}
    assert ids_where(must=[key("text", match=models.MatchText(text="rain"))]) == {0, 1, 2}
    assert ids_where(must=[key("half", range=models.Range(gt=1.5, lte=3.5))]) == {2, 3}
    after = datetime(2026, 1, 7, tzinfo=timezone.utc)
    assert ids_where(must=[key("time", range=models.DatetimeRange(gte=after))]) == {6, 7}
    assert ids_where(must=[key("tags", values_count=models.ValuesCount(gte=2))]) == set(range(8))
    box = models.GeoBoundingBox(top_left=models.GeoPoint(lon=1.5, lat=51), bottom_right=models.GeoPoint(lon=4.5, lat=49))
    assert ids_where(must=[key("place", geo_bounding_box=box)]) == {2, 3, 4}
    assert ids_where(must=[key("place", geo_radius=models.GeoRadius(center=models.GeoPoint(lon=0, lat=50), radius=80000))]) == {0, 1}
    ring = models.GeoLineString(points=[models.GeoPoint(lon=a, lat=b) for a, b in [(-1, 49), (1.5, 49), (1.5, 51), (-1, 51), (-1, 49)]])
    assert ids_where(must=[key("place", geo_polygon=models.GeoPolygon(exterior=ring))]) == {0, 1}
    assert ids_where(must=[models.HasIdCondition(has_id=[1, UUID])]) == {1, UUID}
    assert ids_where(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="i"))]) == {UUID, 2**63}
    assert ids_where(must=[models.IsNullCondition(is_null=models.PayloadField(key="none"))]) == set(range(8))
    within = models.Filter(must=[key("b", match=models.MatchValue(value=4))])
    assert ids_where(must=[models.NestedCondition(nested=models.Nested(key="deep.a", filter=within))]) == {4}
    assert ids_where(should=[models.Filter(must=[key("i", match=models.MatchValue(value=1))]), models.HasIdCondition(has_id=[2])]) == {1, 2}
    assert ids_where(must_not=[key("i", range=models.Range(gte=0))]) == {UUID, 2**63}
    two = models.MinShould(min_count=2, conditions=[key("i", match=models.MatchValue(value=1)), models.HasIdCondition(has_id=[1, 2]), key("even", match=models.MatchValue(value=True))])
    assert ids_where(min_should=two) == {1, 2}
    assert ids_where() == everything


def pages() -> None:
    seen, offset = [], None
    while True:
        records, offset = client.scroll(NAME, limit=3, offset=offset, with_payload=False)
        seen += [record.id for record in records]
        if offset is None:
            break
    assert len(seen) == 10 and len(set(seen)) == 10, seen
    ordered, _ = client.scroll(NAME, limit=3, order_by=models.OrderBy(key="i", direction="desc", start_from=5))
    assert [record.id for record in ordered] == [5, 4, 3], ordered


def edits() -> None:
    payload = lambda point: client.retrieve(NAME, ids=[point])[0].payload
    client.set_payload(NAME, payload={"new": {"x": 1.25}}, points=[0], wait=True)
    assert payload(0) == {**PAYLOADS[0], "new": {"x": 1.25}}
    client.set_payload(NAME, payload={"y": [1, "a", None]}, points=[0], key="new", wait=True)
    assert payload(0)["new"] == {"x": 1.25, "y": [1, "a", None]}
    client.delete_payload(NAME, keys=["new"], points=models.Filter(must=[models.HasIdCondition(has_id=[0])]), wait=True)
    assert payload(0) == PAYLOADS[0]
    client.overwrite_payload(NAME, payload={"only": True}, points=[1], wait=True)
    assert payload(1) == {"only": True}
    client.clear_payload(NAME, points_selector=[1], wait=True)
    assert not payload(1)
    client.update_vectors(NAME, points=[models.PointVectors(id=1, vector=[7, 7, 7, 7])], wait=True)
    assert client.retrieve(NAME, ids=[1], with_vectors=True)[0].vector == [7, 7, 7, 7]
    client.create_payload_index(NAME, field_name="i", field_schema=models.PayloadSchemaType.INTEGER, wait=True)
    assert client.get_collection(NAME).payload_schema["i"].data_type == models.PayloadSchemaType.INTEGER
    client.delete_payload_index(NAME, field_name="i", wait=True)
    client.delete(NAME, points_selector=[2, 3], wait=True)
    client.delete(NAME, points_selector=models.Filter(must=[models.FieldCondition(key="i", range=models.Range(gte=7))]), wait=True)
    assert ids_where() == {0, 1, 4, 5, 6, UUID, 2**63}
    client.upload_collection(NAME, vectors=[[0.5, i, 1, 2] for i in range(300)], ids=range(100, 400), wait=True)
    assert client.count(NAME).count == 307


def refused(code: grpc.StatusCode, words: str, call) -> None:
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code and words in error.details(), (error.code(), error.details())
    else:
        raise AssertionError(f"nothing was refused: {words}")


def refusals() -> None:
    before = client.count(NAME).count
    status = grpc.StatusCode
    point = lambda vector: [models.PointStruct(id=9999, vector=vector)]
    refused(status.INVALID_ARGUMENT, "dimension 4", lambda: client.upsert(NAME, points=point([1, 2])))
    refused(status.INVALID_ARGUMENT, "finite", lambda: client.upsert(NAME, points=point([1, 2, 3, float("nan")])))
    sparse = {"words": models.SparseVector(indices=[1], values=[1.0])}
    refused(status.UNIMPLEMENTED, '"sparse" is not supported', lambda: client.upsert(NAME, points=point(sparse)))
    refused(status.UNIMPLEMENTED, '"shard_key_selector" is not supported', lambda: client.upsert(NAME, points=point([1, 2, 3, 4]), shard_key_selector="a"))
    refused(status.UNIMPLEMENTED, '"fusion" is not supported', lambda: client.query_points(NAME, query=models.FusionQuery(fusion=models.Fusion.RRF)))
    prefetch = models.Prefetch(query=[1, 2, 3, 4])
    refused(status.UNIMPLEMENTED, '"prefetch" is not supported', lambda: client.query_points(NAME, prefetch=prefetch, query=[1, 2, 3, 4]))
    refused(status.NOT_FOUND, "absent", lambda: client.count("absent"))
    refused(status.INVALID_ARGUMENT, "limit", lambda: client.query_points(NAME, query=[1, 2, 3, 4], limit=0))
    same = models.VectorParams(size=4, distance=models.Distance.DOT)
    refused(status.ALREADY_EXISTS, "already exists", lambda: client.create_collection(NAME, vectors_config=same))
    refused(status.UNIMPLEMENTED, "qdrant.Snapshots/List", lambda: client.list_snapshots(NAME))
    assert client.count(NAME).count == before and client.retrieve(NAME, ids=[9999]) == []


def named() -> None:
    size = models.VectorParams(size=2, distance=models.Distance.COSINE)
    client.create_collection("named", vectors_config={"text": size}, metadata={"owner": "me", "since": 2026})
    info = client.get_collection("named")
    assert info.config.params.vectors["text"].size == 2 and info.config.metadata == {"owner": "me", "since": 2026}, info
    points = [models.PointStruct(id=1, vector={"text": [3, 4]}), models.PointStruct(id=2, vector={"text": [0, 0]})]
    client.upsert("named", points=points, wait=True)
    found = client.query_points("named", query=[3, 4], using="text", with_vectors=["text"], limit=999999999).points
    assert [(point.id, point.score) for point in found] == [(1, 1), (2, 0)], found
    assert found[1].vector == {"text": [0, 0]}, found
    assert client.delete_collection("named")


def stub() -> None:
    """Calls that the client keeps to itself, as clients for other languages make them."""
    from qdrant_client import grpc as messages
    from qdrant_client.grpc.qdrant_pb2_grpc import QdrantStub
    from qdrant_client.grpc.points_service_pb2_grpc import PointsStub
    from qdrant_client.grpc.qdrant_pb2 import HealthCheckRequest

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert QdrantStub(channel).HealthCheck(HealthCheckRequest()).title == "maksdb"
        service = PointsStub(channel)
        found = service.Search(messages.SearchPoints(collection_name=NAME, vector=[9, 9, 9, 9], limit=2))
        assert found.result[0].id.uuid == UUID and found.time > 0, found
        one = messages.SearchPoints(vector=[9, 9, 9, 9], limit=1)
        both = service.SearchBatch(messages.SearchBatchPoints(collection_name=NAME, search_points=[one, one]))
        assert [len(batch.result) for batch in both.result] == [1, 1]
        count = messages.CountPoints(collection_name=NAME)
        # Its time is over before it has been sent.
        refused(grpc.StatusCode.DEADLINE_EXCEEDED, "", lambda: service.Count(count, timeout=-1))
        assert service.Count(count, timeout=10).result.count == 307


STEPS = [collections, points, queries, filters, pages, refusals, edits, named, stub]
for step in STEPS:
    step()
assert client.delete_collection(NAME) and not client.collection_exists(NAME)
print(f"{len(STEPS)} steps over gRPC")
