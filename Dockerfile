# The server, built as `cargo xtask run` builds it, in an image that holds nothing else. docs/deploy.md says how to run it.

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
    && useradd --system --home-dir /data --no-create-home dais \
    && install --directory --owner=dais --group=dais --mode=0700 /data
COPY --from=build /dais/target/release/dais /usr/local/bin/dais
USER dais
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["dais", "--listen", "0.0.0.0:8080", "--data-dir", "/data"]
