# shellcheck shell=bash
# Builds the pair and runs its processes on a local stack. Sourced, after packages.sh; the caller sets $project, and
# $dir to the stack's folder.

# shellcheck source=deploy/local/process.sh
source "$project/deploy/local/process.sh"
# shellcheck source=deploy/local/environment.sh
source "$project/deploy/local/environment.sh"
for part in redis postgres kafka; do
  # shellcheck source=/dev/null
  source "$project/deploy/local/$part.sh"
done

binaries=$project/.build/release

build_release() {
  local product
  for product in DrawService StockSyncWorker Crowd MockKafka; do
    swift build -c release --product "$product"
  done
}

# What the local stack will choose; its exact name is known once it runs.
kafka_to_be() {
  if [[ -n ${KAFKA_BOOTSTRAP_SERVERS:-} ]]; then
    echo "the cluster at $KAFKA_BOOTSTRAP_SERVERS"
  elif [[ -n ${KAFKA_HOME:-} ]]; then
    kafka_version
  else
    echo "librdkafka mock cluster (in memory: durability not shown)"
  fi
}

# Takes over the environment of the running stack in $dir.
join_stack() {
  # shellcheck source=/dev/null
  source "$dir/env"
  short=$(cat "$dir/short")
}

# The services' logs of the last run outlive its stack.
keep_logs() {
  local folder
  rm -rf "$project/.local/last-run"
  for folder in "$dir"/service-*/; do
    [[ -e $folder/log ]] || continue
    mkdir -p "$project/.local/last-run"
    cp "$folder/log" "$project/.local/last-run/$(basename "$folder").log"
  done
}

# The caller collects what was started in $parts and the addresses in $urls.
start_worker() { # PART
  mkdir -p "$dir/$1"
  launch "$1" "$binaries/StockSyncWorker" run
  parts+=("$1")
}

start_draw() { # PART
  mkdir -p "$dir/$1"
  echo "$binaries" >"$dir/binaries"
  free_port >"$dir/$1/port"
  SLIDING_STOCK_HTTP_HOST=127.0.0.1 SLIDING_STOCK_HTTP_PORT=$(cat "$dir/$1/port") launch "$1" "$binaries/DrawService"
  parts+=("$1")
  urls+=("http://127.0.0.1:$(cat "$dir/$1/port")")
}

# A DrawService serves when it says so; a worker that is started is waited for by the crowd's check of Postgres.
await_service() { # PART
  [[ -s $dir/$1/port ]] || return 0
  if ! await_ready "$1" 30 curl -sf -m 2 -o "$dir/$1/ready" "http://127.0.0.1:$(cat "$dir/$1/port")/readyz"; then
    explain "$1" "is not ready"
    exit 1
  fi
}

# SIGTERM, and the exit status that a drained service must have: 0.
end_service() { # PART
  local pid status=0
  pid=$(pid_of "$1")
  end_process "$1" TERM 30 || {
    explain "$1" "did not end within 30 s of SIGTERM"
    return 1
  }
  wait "$pid" || status=$?
  if [[ $status -ne 0 ]]; then
    explain "$1" "ended with status $status"
    return 1
  fi
}

# The head of the table: what these numbers were got on.
print_head() {
  echo "Sliding stock on $STACK_KAFKA_NAME, Redis $(server_version redis-server), PostgreSQL $(postgres_version)"
  if [[ $STACK_KAFKA_KIND == mock ]]; then
    echo "DURABILITY NOT SHOWN: this Kafka is a mock in memory; set KAFKA_HOME for a real one"
  fi
}

server_version() { "$1" --version | sed -n 's/.*v=\([0-9.]*\).*/\1/p'; }
postgres_version() { "$(postgres_programs)/postgres" --version | sed 's/.*) \([0-9.]*\).*/\1/'; }
