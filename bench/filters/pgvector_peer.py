"""PostgreSQL with pgvector behind a socket: exact searches without a vector index, with a B-tree or GIN index of each field, by one process."""

import json

import psycopg
from peer_work import measure, work

COLUMN = {"keyword": "text", "float": "float8", "text": "tsvector"}
LISTS = ("label",)


def condition_of(given: dict) -> tuple[str, object]:
    key = given["key"]
    if "range" in given:
        return f"{key} < %s", given["range"]["lt"]
    match = given["match"]
    if "text" in match:
        return f"{key} @@ plainto_tsquery('simple', %s)", match["text"]
    return (f"{key} @> %s", [match["value"]]) if key in LISTS else (f"{key} = %s", match["value"])


def column_of(name: str, schema: str) -> str:
    return "text[]" if name in LISTS else COLUMN[schema]


given = work()
with psycopg.connect(given.address, autocommit=True) as connection:
    fields = list(given.schemas)
    columns = ", ".join(f"{name} {column_of(name, schema)}" for name, schema in given.schemas.items())
    connection.execute("CREATE EXTENSION vector")
    connection.execute(f"CREATE TABLE point (id int PRIMARY KEY, v vector({given.dimension}), {columns})")
    connection.execute("SET max_parallel_workers_per_gather = 0")
    connection.execute("SET plan_cache_mode = force_custom_plan")
    connection.execute("CREATE TEMP TABLE given (id int, v vector, payload jsonb)")
    with connection.cursor().copy("COPY given FROM STDIN") as copy:
        for number, payload in enumerate(given.payloads()):
            vector = "[" + ",".join(map(repr, given.vectors[number].tolist())) + "]"
            copy.write_row((number, vector, json.dumps(payload)))
    values = {
        "label": "ARRAY(SELECT jsonb_array_elements_text(payload->'label'))",
        "n": "(payload->>'n')::float8",
        "note": "to_tsvector('simple', payload->>'note')",
        "tenant": "payload->>'tenant'",
    }
    chosen_values = ", ".join(values[name] for name in fields)
    connection.execute(f"INSERT INTO point SELECT id, v, {chosen_values} FROM given")
    connection.execute("DROP TABLE given")
    for name, schema in given.schemas.items():
        kind = "gin" if name in LISTS or schema == "text" else "btree"
        connection.execute(f"CREATE INDEX ON point USING {kind} ({name})")
    connection.execute("VACUUM ANALYZE point")

    def search(query: str, chosen: tuple[str, list] | None) -> list[int]:
        where, values = chosen or ("true", [])
        statement = f"SELECT id FROM point WHERE {where} ORDER BY v <-> %s::vector LIMIT {given.limit}"
        return [number for (number,) in connection.execute(statement, [*values, query]).fetchall()]

    filters = []
    for chosen in given.filters:
        parts = [condition_of(one) for one in chosen["must"]]
        filters.append((" AND ".join(text for text, _ in parts), [value for _, value in parts]))
    queries = ["[" + ",".join(map(repr, query.tolist())) + "]" for query in given.queries]
    (vector_version,) = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    server = connection.info.parameter_status("server_version").split()[0]
    about = f"pgvector {vector_version} on PostgreSQL {server} over a socket, exact, one process"
    measure(given, about, queries, filters, search)
