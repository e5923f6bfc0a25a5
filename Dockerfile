# Almoner with its console, for a PostgreSQL server of one's own: the embedded one stays out of the image.
#
#   docker build --tag almoner .
#   docker run --env DATABASE_URL=postgres://… almoner worker

FROM node:22.23.3-bookworm-slim AS build
WORKDIR /almoner
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json vite.config.ts ./
COPY src src
COPY web web
RUN npm run build
RUN npm prune --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund

FROM node:22.23.3-bookworm-slim
WORKDIR /almoner
COPY --from=build /almoner/package.json package.json
COPY --from=build /almoner/node_modules node_modules
COPY --from=build /almoner/dist dist
COPY migrations migrations
ENV NODE_ENV=production LOG_FORMAT=json METRICS_PORT=9464
USER node
EXPOSE 3000 9464
# Every role answers there; an API that has lost its database lives, and says so at /readyz.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["node", "-e", "fetch('http://127.0.0.1:9464/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli/almoner.js"]
CMD ["api"]
