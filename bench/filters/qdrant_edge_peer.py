"""Qdrant in this process (`qdrant-edge-py`): exact searches without a graph, with an index of each field, by one thread."""

import tempfile
from importlib.metadata import version

import qdrant_edge as edge
from peer_work import measure, work

ROWS_AT_A_TIME = 1000
TYPES = {
    "keyword": edge.PayloadSchemaType.Keyword,
    "float": edge.PayloadSchemaType.Float,
    "text": edge.PayloadSchemaType.Text,
}


def condition_of(given: dict) -> edge.FieldCondition:
    if "range" in given:
        return edge.FieldCondition(given["key"], range=edge.RangeFloat(**given["range"]))
    match = given["match"]
    test = edge.MatchText(match["text"]) if "text" in match else edge.MatchValue(match["value"])
    return edge.FieldCondition(given["key"], match=test)


given = work()
with tempfile.TemporaryDirectory(prefix="maksdb-peer-") as folder:
    shard = edge.EdgeShard.create(
        folder,
        edge.EdgeConfig(
            vectors=edge.EdgeVectorParams(size=given.dimension, distance=edge.Distance.Euclid),
            hnsw_config=edge.HnswIndexConfig(m=0, ef_construct=100, full_scan_threshold=10_000),
            optimizers=edge.EdgeOptimizersConfig(default_segment_number=1),
            max_search_threads=1,
            payload_memory=edge.Memory.Cached,
            wal_enabled=False,
        ),
    )
    points = []
    for number, payload in enumerate(given.payloads()):
        points.append(edge.Point(number, given.vectors[number].tolist(), payload))
        if len(points) == ROWS_AT_A_TIME or number == given.rows - 1:
            shard.update(edge.UpdateOperation.upsert_points(points))
            points = []
    for name, schema in given.schemas.items():
        shard.update(edge.UpdateOperation.create_field_index(name, TYPES[schema]))
    shard.optimize()
    exact = edge.SearchParams(exact=True)

    def search(query: edge.Query, chosen: edge.Filter | None) -> list[int]:
        request = edge.SearchRequest(query=query, limit=given.limit, filter=chosen, params=exact)
        return [hit.id for hit in shard.search(request)]

    about = f"qdrant-edge-py {version('qdrant-edge-py')}, exact, segments: {shard.info().segments_count}, one thread"
    queries = [edge.Query.Nearest(query.tolist()) for query in given.queries]
    filters = [edge.Filter(must=[condition_of(one) for one in chosen["must"]]) for chosen in given.filters]
    measure(given, about, queries, filters, search)
    shard.close()
