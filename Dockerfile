# docker build -t tollgate .
# docker run -p 8080:8080 -p 127.0.0.1:8081:8081 -e TOLLGATE_ADMIN_LISTEN=0.0.0.0:8081 \
#   -e TOLLGATE_REDIS_URL=… -e TOLLGATE_POSTGRES_URL=… tollgate

FROM swift:6.3-bookworm AS builder
RUN apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    libhiredis-dev libpq-dev libssl-dev pkg-config \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# The dependencies first: they change less often than the sources.
COPY Package.swift ./
RUN swift package resolve
COPY Sources Sources
COPY Tests Tests
COPY lua lua
COPY docs docs
COPY script/build script/build
RUN install -D "$(script/build tollgate)" /out/tollgate

FROM debian:bookworm-slim
RUN apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    ca-certificates libhiredis0.14 libpq5 libssl3 libstdc++6 tzdata \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --uid 10001 tollgate
COPY --from=builder /out/tollgate /usr/local/bin/tollgate
COPY config/tollgate.yaml /etc/tollgate/tollgate.yaml
ENV TOLLGATE_CONFIG=/etc/tollgate/tollgate.yaml
USER tollgate
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["tollgate", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["tollgate"]
CMD ["serve"]
