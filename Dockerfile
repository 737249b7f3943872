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
# What the programs of the image import, with the list of what is in it. What only the command line needs stays out, and of
# each package its declarations, source maps, tests and sources: two thirds of the bytes, and no program opens them.
RUN npm pkg delete dependencies.commander dependencies.csv-parse dependencies.hyparquet dependencies.mnist \
    dependencies.yaml devDependencies optionalDependencies workspaces \
 && npm prune --omit=dev --ignore-scripts --loglevel=error \
 && rm -rf client node_modules/@maksdb node_modules/faiss-node/src node_modules/faiss-node/test \
    node_modules/bintrees/test \
 && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \) -delete \
 && npm sbom --omit=dev --sbom-format=spdx > sbom.spdx.json
COPY core ./core
COPY protocol ./protocol
COPY runtime ./runtime
COPY store ./store
COPY shard-server ./shard-server
COPY router ./router
COPY operator ./operator

# Each program, compiled: a pod starts with half of the work. Node asks for the cache by the user who runs it (below), and
# without one compiles as ever. The programs end at once here, since nothing is configured.
RUN mkdir .compile-cache && chown 10001:10001 .compile-cache \
 && for program in shard-server router operator; do \
      NODE_COMPILE_CACHE=/maksdb/.compile-cache setpriv --reuid=10001 --regid=10001 --clear-groups \
        node $program/main.ts > /dev/null 2>&1 || true; \
    done \
 && test -n "$(ls .compile-cache)"

# The system: Node's own image without its package managers, and what FAISS and Redis link. Translations, manuals and apt's
# caches go; the licences under /usr/share/doc stay, and dpkg's list, which scanners read.
FROM node:24-bookworm-slim AS system
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgomp1 libopenblas0-pthread redis-server redis-tools \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* /usr/share/locale/* /usr/share/man/* \
    /usr/share/info/* /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
    /usr/local/bin/yarn* /opt/yarn* /usr/local/include /usr/local/share/doc /root/.npm /root/.cache /tmp/* \
 && find /usr/share/doc -type f ! -name copyright -delete

# One layer of it all: what was removed above would else stay in the layers below.
FROM scratch
LABEL org.opencontainers.image.title="MaksDB" \
      org.opencontainers.image.description="A sharded vector database for Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=system / /
COPY --from=build /maksdb /maksdb
WORKDIR /maksdb
# Any user may run it, also one that /etc/passwd does not know, and it writes nowhere but to volumes: HOME is one of them.
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin NODE_ENV=production HOME=/tmp \
    NODE_COMPILE_CACHE=/maksdb/.compile-cache
USER 10001:10001
# Which program is the argument: shard-server/main.ts, router/main.ts, operator/main.ts.
ENTRYPOINT ["node"]
CMD ["operator/main.ts"]
