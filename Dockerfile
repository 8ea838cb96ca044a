# pgitops in a container: docker build -t pgitops:0.1.0 .
#
# The stages are on the same Debian, so the libraries are the ones it was linked with. The image runs as user 65532 with a
# read-only root: only the state (/var/lib/pgitops) and /tmp are written to. manifests/install.yaml runs it so.
ARG DEBIAN=debian:12-slim
ARG VERSION=0.1.0

FROM ${DEBIAN} AS packages
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev cmake ninja-build pkg-config \
    libgit2-dev libyaml-dev libcurl4-openssl-dev libssl-dev libpq-dev libsqlite3-dev libjansson-dev libevent-dev libjq-dev libseccomp-dev libssh-dev

FROM packages AS build
WORKDIR /src
COPY CMakeLists.txt ./
COPY base base
COPY store store
COPY reconcile reconcile
COPY agent agent
COPY manifests/base manifests/base
COPY manifests/overlays manifests/overlays
RUN cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
 && cmake --build /build --target pgitops \
 && strip --strip-unneeded -o /pgitops /build/pgitops

FROM ${DEBIAN}
ARG VERSION
LABEL org.opencontainers.image.title="pgitops" \
      org.opencontainers.image.description="GitOps agent for PostgreSQL on Kubernetes" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/debian:12-slim"
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates gpgv tzdata \
    libgit2-1.5 libyaml-0-2 libcurl4 libssl3 libpq5 libsqlite3-0 libjansson4 libevent-2.1-7 libjq1 libseccomp2 libssh-4 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache \
 && echo 'pgitops:x:65532:65532::/var/lib/pgitops:/usr/sbin/nologin' >>/etc/passwd \
 && echo 'pgitops:x:65532:' >>/etc/group \
 && install -d -o 65532 -g 65532 -m 0700 /var/lib/pgitops
COPY --from=build /pgitops /usr/local/bin/pgitops
COPY LICENSE manifests/package/sbom.sh /usr/share/doc/pgitops/
# What is in the image, as SPDX; the same with `docker run --rm --entrypoint cat IMAGE /usr/share/doc/pgitops/sbom.spdx.json`.
ARG SOURCE_DATE_EPOCH
RUN sh /usr/share/doc/pgitops/sbom.sh --all /usr/local/bin/pgitops >/usr/share/doc/pgitops/sbom.spdx.json
# For Applications of kustomize or helm: the programs of your choice, from images you trust; the agent finds them on the PATH. Rendering may
# take 256 MiB, so raise the container's memory limit to 384Mi.
# COPY --from=registry.k8s.io/kustomize/kustomize:v5.8.1 /app/kustomize /usr/local/bin/kustomize
# COPY --from=alpine/helm:3.19.0 /usr/bin/helm /usr/local/bin/helm
USER 65532:65532
WORKDIR /var/lib/pgitops
VOLUME /var/lib/pgitops
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/pgitops"]
CMD ["agent", "--config", "/etc/pgitops/agent.yaml"]
