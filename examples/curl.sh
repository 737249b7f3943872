#!/usr/bin/env bash
# The REST interface by hand: a collection, two points, the nearest one.
set -euo pipefail
url=${MAKSDB_URL:-http://127.0.0.1:6333}/collections/by-hand

call() {
  local method=$1 path=$2
  shift 2
  curl --silent --show-error --fail-with-body --request "$method" --header 'content-type: application/json' "$@" "$url$path"
  echo
}

call PUT '' --data '{"vectors": {"size": 2, "distance": "Euclid"}}'
trap 'call DELETE ""' EXIT
call PUT '/points?wait=true' --data '{"points": [
  {"id": 1, "vector": [3, 4], "payload": {"name": "far"}},
  {"id": 2, "vector": [1, 0], "payload": {"name": "near"}}
]}'
call POST /points/query --data '{"query": [0, 0], "limit": 1, "with_payload": true}'
