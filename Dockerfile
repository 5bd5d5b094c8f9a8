# The server, built as `cargo xtask build` builds it, in an image that holds nothing else. docs/deploy.md says how to run it.

FROM rust:1-trixie AS build
WORKDIR /dais
COPY . .
RUN apt-get update \
    && cargo xtask setup \
    && cargo xtask client \
    && cargo build --release --locked --package dais-server --features dais-server/embedded-client

FROM debian:trixie-slim
# Certificates of authorities: `dais doctor --url` judges the server's by them.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 dais \
    && useradd --system --uid 10001 --gid 10001 --home-dir /data --no-create-home dais \
    && install --directory --owner=dais --group=dais --mode=0700 /data
COPY --from=build /dais/target/release/dais /usr/local/bin/dais
# In the environment, where other values replace them, and where `dais doctor` and `dais health` find them too.
ENV DAIS_LISTEN=0.0.0.0:8080 DAIS_DATA_DIR=/data
# By number: whoever runs it sees that this is not root.
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s --retries=3 CMD ["dais", "health"]
ENTRYPOINT ["dais"]
