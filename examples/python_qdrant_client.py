"""The Qdrant client for Python, unchanged: pip install qdrant-client"""

import os

from qdrant_client import QdrantClient, models

client = QdrantClient(url=os.environ.get("MAKSDB_URL", "http://127.0.0.1:6333"))
client.create_collection("from-python", vectors_config=models.VectorParams(size=3, distance=models.Distance.COSINE))
try:
    client.upsert(
        "from-python",
        points=[
            models.PointStruct(id=1, vector=[0.9, 0.1, 0.2], payload={"title": "Solaris"}),
            models.PointStruct(id=2, vector=[0.1, 0.8, 0.3], payload={"title": "Playtime"}),
        ],
        wait=True,
    )
    nearest = client.query_points("from-python", query=[1, 0, 0], limit=1, with_payload=True).points[0]
    print(nearest.payload["title"], round(nearest.score, 4))
finally:
    client.delete_collection("from-python")
