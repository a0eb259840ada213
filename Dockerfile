# The page in a container. Each command of the first stage is one that CI runs.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN make release

FROM debian:bookworm-slim
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends ca-certificates libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 causerie
COPY --from=build /src/target/release/causerie /usr/local/bin/causerie
COPY config /usr/share/causerie/config
USER causerie
# Volumes made over it take its owner and mode.
RUN mkdir -m 700 /home/causerie/data /home/causerie/.cache
ENV CAUSERIE__SERVER__DATA_DIR=/home/causerie/data
# Loopback of a container is reached by nobody. On any other address the page insists on an access
# token: set CAUSERIE__PLATFORMS__WEB__ACCESS_TOKEN, at least 16 characters.
ENV CAUSERIE__PLATFORMS__WEB__LISTEN=0.0.0.0:8080
VOLUME ["/home/causerie/data", "/home/causerie/.cache"]
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["causerie", "ready"]
ENTRYPOINT ["causerie"]
CMD ["run"]
