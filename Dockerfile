# The one image of MaksDB: shards, routers, the operator, and the managed Redis.
# amd64 and arm64: docker buildx build --platform linux/amd64,linux/arm64 -t maksdb .
FROM node:24-bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates dpkg-dev g++ libfaiss-dev libopenblas-dev
WORKDIR /maksdb
COPY package.json package-lock.json .npmrc ./
COPY client ./client
RUN npm install --no-save --ignore-scripts --omit=optional --loglevel=error
COPY native ./native
RUN node native/build-portable.mjs
# What runs in production, with the list of what is in it.
RUN npm prune --omit=dev --omit=optional --ignore-scripts --loglevel=error \
 && npm sbom --package-lock-only --omit=dev --omit=optional --sbom-format=spdx > sbom.spdx.json
COPY core ./core
COPY protocol ./protocol
COPY runtime ./runtime
COPY store ./store
COPY shard-server ./shard-server
COPY router ./router
COPY operator ./operator

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="MaksDB" \
      org.opencontainers.image.description="A sharded vector database for Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgomp1 libopenblas0-pthread redis-server redis-tools \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
COPY --from=build /maksdb /maksdb
WORKDIR /maksdb
ENV NODE_ENV=production
USER 10001:10001
# Which program is the argument: shard-server/main.ts, router/main.ts, operator/main.ts.
ENTRYPOINT ["node"]
CMD ["operator/main.ts"]
