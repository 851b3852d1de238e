# docker build -t shipper .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /shipper ./cmd/shipper
# Directories that volumes are mounted on belong to whom they are made for.
RUN mkdir -p /empty/data && chown 65532:65532 /empty/data

FROM scratch
COPY --from=build /shipper /shipper
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/go/lib/time/zoneinfo.zip /zoneinfo.zip
COPY --from=build --chown=65532:65532 /empty/data /data
COPY --from=build /src/LICENSE /LICENSE
ENV ZONEINFO=/zoneinfo.zip
# The indexer needs no rights. An agent that reads the logs of others is given
# the user it needs by whoever starts it: see packaging/kubernetes.
USER 65532:65532
VOLUME /data
EXPOSE 3100 3101
ENTRYPOINT ["/shipper"]
CMD ["help"]
