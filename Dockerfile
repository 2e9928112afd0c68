# From a checkout to an image with one file in it: docker build . (or make image, which takes what is there).
# What comes from a registry is named by BUILDER; it needs a Go of the version in go.mod, and nothing else.
ARG BUILDER=golang:1.26

FROM --platform=$BUILDPLATFORM $BUILDER AS build
ARG TARGETARCH
# Empty: what the go command stamps, from the history in .git.
ARG VERSION=
# Empty: whatever the builder has set.
ARG GOPROXY=
WORKDIR /src
COPY . .
RUN GOARCH=$TARGETARCH VERSION=$VERSION sh deploy/binary.sh "/out/linux/$TARGETARCH"

FROM scratch
ARG TARGETARCH
ARG VERSION=
LABEL org.opencontainers.image.title="kube-static-egress-controller" \
      org.opencontainers.image.description="Static egress addresses for a Kubernetes cluster on AWS" \
      org.opencontainers.image.source="https://github.com/szuecs/kube-static-egress-controller" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /out/linux/$TARGETARCH/kube-static-egress-controller /kube-static-egress-controller
# By number: Kubernetes' runAsNonRoot cannot tell of a name whether it is root, and there is no file that says.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/kube-static-egress-controller"]
