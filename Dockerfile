# Each command here is one that `make ci` runs too.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN scripts/need build
RUN make release && cp target/release/causerie /usr/local/bin/causerie

FROM debian:bookworm-slim
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends ca-certificates libgomp1 libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 causerie
COPY --from=build /usr/local/bin/causerie /usr/local/bin/causerie
COPY config /usr/share/causerie/config
USER causerie
ENV CAUSERIE__SERVER__DATA_DIR=/home/causerie/data
VOLUME /home/causerie
EXPOSE 8080
ENTRYPOINT ["causerie"]
CMD ["run"]
