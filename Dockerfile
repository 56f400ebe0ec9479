# docker build --build-arg GATEHOUSE_COMMIT=$(git rev-parse HEAD) -t gatehouse .
# No package of ours needs an install script (.npmrc: ignore-scripts), and nothing is fetched from outside the npm registry.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
# The compiler copies no .cjs files.
RUN node_modules/.bin/tsc -p tsconfig.build.json \
 && cd src && find . -name '*.cjs' -exec cp --parents -t ../dist {} +

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without the optional dependency too: it is a Node of its own, and this image is one.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --omit=optional \
 && rm -rf node_modules/better-sqlite3/deps node_modules/better-sqlite3/src \
 && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

FROM node:24-bookworm-slim
ARG GATEHOUSE_COMMIT=unknown
# The MALLOC_ settings are those of bin/gatehouse.mjs, for the other commands too: it begins its process once more for `run` only.
ENV NODE_ENV=production GATEHOUSE_COMMIT=${GATEHOUSE_COMMIT} MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072 MALLOC_MMAP_THRESHOLD_=131072
WORKDIR /app
# The default data directory is `data` in the working directory, so configuration that names another one still wins.
RUN install -d -o 1000 -g 1000 -m 0700 /data && ln -s /data data
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY bin bin
COPY migrations migrations
COPY config config
# A number, so that orchestrators can see that it is not root.
USER 1000:1000
VOLUME /data
EXPOSE 8090
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "const a=(process.env.GATEHOUSE_HEALTH_LISTEN||'127.0.0.1:8090').replace(/^(0\\.0\\.0\\.0|\\[::\\])/,'127.0.0.1');fetch('http://'+a+'/readyz',{signal:AbortSignal.timeout(4000)}).then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
ENTRYPOINT ["node", "bin/gatehouse.mjs"]
CMD ["run"]
RUN ["node", "bin/gatehouse.mjs", "selfcheck"]
