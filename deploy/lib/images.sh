# shellcheck shell=bash
# Building and running the two images. Sourced by deploy/containers, after packages.sh and pair.sh.

store=$project/.local/containers

# Images and containers of our own, under settings that work without systemd and crun.
separate_storage() {
  mkdir -p "$store"
  cat >"$store/containers.conf" <<'TEXT'
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
TEXT
  # runroot holds sockets and mounts: a short name, gone after a reboot.
  cat >"$store/storage.conf" <<TEXT
[storage]
driver = "overlay"
graphroot = "$store/storage"
runroot = "/run/sliding-stock-containers"
TEXT
  export CONTAINERS_CONF=$store/containers.conf CONTAINERS_STORAGE_CONF=$store/storage.conf
}

clean_images() {
  podman system reset --force >/dev/null 2>&1 || true
  rm -rf "$store"
}

# The pinned bases from their registry; where there is none, stand-ins that we make.
choose_bases() {
  local reference
  declare -ga build_options=()
  if [[ $stand_ins == no ]]; then
    for reference in $(sed -n 's/^ARG [A-Z]*_IMAGE=//p' deploy/DrawService.Containerfile); do
      podman image exists "$reference" || podman pull -q "$reference" >/dev/null 2>&1 || stand_ins=yes
    done
  fi
  if [[ $stand_ins == yes ]]; then
    say "no registry: stand-ins for the base images"
    make_stand_ins
  fi
}

make_stand_ins() {
  local swift_home
  swift_home=$(dirname "$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")")
  if ! podman image exists localhost/debian-stand-in:bookworm; then
    # Without manuals and translations, like the slim image that it stands in for.
    mmdebstrap --quiet --variant=minbase --dpkgopt='path-exclude=/usr/share/man/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
      bookworm "$store/base.tar"
    podman import -q "$store/base.tar" localhost/debian-stand-in:bookworm >/dev/null
    rm -f "$store/base.tar"
  fi
  buildah build --quiet --isolation chroot --layers --build-arg BASE=localhost/debian-stand-in:bookworm \
    -f deploy/lib/swift-stand-in.Containerfile -t localhost/swift-stand-in:bookworm deploy/lib >/dev/null
  build_options=(
    -v "$swift_home:/opt/swift:ro"
    --build-arg BUILD_IMAGE=localhost/swift-stand-in:bookworm
    --build-arg RUNTIME_IMAGE=localhost/debian-stand-in:bookworm
  )
}

# Docker's format, because the other one has no place for a health check.
build_image() { # SERVICE NAME
  if ! buildah build --isolation chroot --layers --format docker ${build_options[@]+"${build_options[@]}"} \
    -f "deploy/$1.Containerfile" -t "localhost/sliding-stock/$2" . >"$store/build-$2.log" 2>&1; then
    tail -n 30 "$store/build-$2.log" >&2
    die "the image of $1 does not build (all of it: $store/build-$2.log)"
  fi
}

# What every container of ours is run with: the host's network for the local stack, and no right at all.
podman_options() {
  printf '%s\n' --network host --read-only --tmpfs /tmp --user 10001:10001 --cap-drop ALL \
    --security-opt no-new-privileges --memory 128m \
    -e SLIDING_STOCK_REDIS_HOST=127.0.0.1 -e "SLIDING_STOCK_REDIS_PORT=$SLIDING_STOCK_REDIS_PORT" \
    -e "SLIDING_STOCK_KAFKA_BOOTSTRAP=$SLIDING_STOCK_KAFKA_BOOTSTRAP" \
    -e "SLIDING_STOCK_KAFKA_PARTITIONS=$SLIDING_STOCK_KAFKA_PARTITIONS"
}

# podman's words about the systemd that it would like are not ours to repeat.
quietly() { "$@" 2> >(grep -v 'systemd connection' >&2); }

run_once() { # WORDS of StockSyncWorker
  local -a options
  mapfile -t options < <(podman_options)
  quietly podman run --rm "${options[@]}" -e "SLIDING_STOCK_POSTGRES_CONNECTION=$STACK_POSTGRES_TCP" \
    localhost/sliding-stock/stock-sync-worker "$@"
}

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# Starts a container, waits until it is healthy (a DrawService: ready) and notes how long that took.
start_container() { # NAME IMAGE [PORT]
  local begin limit=$((SECONDS + 30))
  local -a options
  mapfile -t options < <(podman_options)
  if [[ -n ${3:-} ]]; then
    options+=(-e "SLIDING_STOCK_HTTP_PORT=$3")
  else
    options+=(-e "SLIDING_STOCK_POSTGRES_CONNECTION=$STACK_POSTGRES_TCP")
  fi
  begin=$(now_ms)
  containers+=("$1")
  options+=(-e "SLIDING_STOCK_INSTANCE=$1")
  quietly podman run -d --name "$1" "${options[@]}" "localhost/sliding-stock/$2" >/dev/null
  until is_up "$1" "${3:-}"; do
    if ((SECONDS >= limit)); then
      podman logs "$1" 2>&1 | tail -n 15 >&2
      die "$1 is not up within 30 s"
    fi
    sleep 0.05
  done
  times+=("$1: up $(($(now_ms) - begin)) ms after podman run")
}

is_up() { # NAME [PORT]
  if [[ -n $2 ]]; then
    curl -sf -m 2 -o /dev/null "http://127.0.0.1:$2/readyz"
  else
    podman healthcheck run "$1" >/dev/null 2>&1
  fi
}

# Does the container live under what it was to live under? Asked of the kernel, not of podman.
check_confinement() { # NAME
  local pid
  podman healthcheck run "$1" >/dev/null || die "$1: the image's health check fails"
  pid=$(podman inspect --format '{{.State.Pid}}' "$1")
  grep -qE '^Uid:\s10001\s10001\s10001\s10001$' "/proc/$pid/status" || die "$1 does not run as user 10001"
  grep -qE '^CapEff:\s0+$' "/proc/$pid/status" || die "$1 has capabilities"
  grep -qE '^CapBnd:\s0+$' "/proc/$pid/status" || die "$1 could get capabilities"
  grep -qE '^NoNewPrivs:\s1$' "/proc/$pid/status" || die "$1 may gain privileges"
  grep -qE '^[^ ]+ / [^ ]+ ro[, ]' "/proc/$pid/mounts" || die "$1: its root is writable"
}

stop_container() { # NAME
  local begin code
  begin=$(now_ms)
  quietly podman stop -t 30 "$1" >/dev/null
  code=$(podman inspect --format '{{.State.ExitCode}}' "$1")
  echo "$1: status $code, $(($(now_ms) - begin)) ms after podman stop"
  if [[ $code != 0 ]]; then
    podman logs "$1" 2>&1 | tail -n 10 >&2
    return 1
  fi
}

# Sizes: all of the image, and what our layers add to the base.
print_images() {
  local name base bytes base_bytes
  base=$(sed -n 's/^ARG RUNTIME_IMAGE=//p' deploy/DrawService.Containerfile)
  if [[ $stand_ins == yes ]]; then base=localhost/debian-stand-in:bookworm; fi
  base_bytes=$(podman image inspect --format '{{.Size}}' "$base")
  for name in draw-service stock-sync-worker; do
    bytes=$(podman image inspect --format '{{.Size}}' "localhost/sliding-stock/$name")
    echo "  image $name: $((bytes / 1000000)) MB, of which $(((bytes - base_bytes) / 1000000)) MB on top of its base"
  done
}
