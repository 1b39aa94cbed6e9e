# shellcheck shell=bash
# What a round of deploy/bench measures. Sourced, after pair.sh and bench-figures.sh; the caller sets $project, $dir,
# $bench, $seconds and $connections, and has joined the stack.

tick_us=$((1000000 / $(getconf CLK_TCK)))
# The claim script as DrawService loads it.
claim_script() {
  cat "$project"/Sources/{DrawService/Scripts/prologue,Shared/StockRecords/records,DrawService/Scripts/claim}.lua
}
statements=$project/Sources/StockSyncWorker/Apply

# User and system time of a process, and with 'all' of its ended children too, microseconds.
cpu_us() { # PID [all]
  local fields which=${2:-own}
  fields=$(process_fields "$1") || {
    echo 0
    return
  }
  # shellcheck disable=SC2086 # split into its words on purpose
  set -- $fields
  if [[ $which == all ]]; then
    echo $(((${12} + ${13} + ${14} + ${15}) * tick_us))
  else
    echo $(((${12} + ${13}) * tick_us))
  fi
}

# Of the server and all its sessions, also those that have ended.
postgres_us() {
  local sum child
  sum=$(cpu_us "$STACK_POSTGRES_PID" all)
  for child in $(cat "/proc/$STACK_POSTGRES_PID/task/$STACK_POSTGRES_PID/children"); do
    sum=$((sum + $(cpu_us "$child")))
  done
  echo "$sum"
}

memory_mb() { # PID FIELD
  calc "$(awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status") / 1024"
}

redis() { redis-cli -s "$SLIDING_STOCK_REDIS_SOCKET" "$@"; }

# wrk's own words to $dir/wrk, its user and system time in seconds as the last line.
run_wrk() { # SECONDS RUN [CONNECTIONS [URL]]
  local TIMEFORMAT='processor %U %S'
  { time wrk -t1 -c"${3:-$connections}" -d"${1}s" --timeout 10s --latency -s "$project/deploy/lib/bench-draws.lua" \
    "${4:-$(draw_url)}" -- "$2" "$activities"; } >"$dir/wrk" 2>&1 || {
    tail -n 20 "$dir/wrk" >&2
    die "wrk failed"
  }
}

wrk_requests() { awk '/ requests in / { print $1 }' "$dir/wrk"; }
wrk_seconds() { awk '/ requests in / { sub("s,", "", $4); print $4 }' "$dir/wrk"; }
wrk_us() { awk '$1 == "processor" { print ($2 + $3) * 1e6 }' "$dir/wrk"; }
wrk_ms() { # 50% or 99%
  awk -v share="$1" '$1 == share {
    unit = $2; sub(/[0-9.]+/, "", unit)
    print $2 * (unit == "us" ? 0.001 : unit == "ms" ? 1 : 1000) }' "$dir/wrk"
}

# A database and a topic of the round's own; each measurement has an activity of its own.
prepare_round() { # NUMBER
  database=bench_$1 activity=$((100000 + $1 * 1000)) drawn=() claims_told=0
  postgres_psql -d postgres -c "CREATE DATABASE $database"
  export SLIDING_STOCK_POSTGRES_CONNECTION="host=$short/pg port=$STACK_POSTGRES_PORT dbname=$database user=postgres"
  export SLIDING_STOCK_KAFKA_TOPIC=$topics-$1 SLIDING_STOCK_KAFKA_GROUP=$topics-$1
  if [[ $STACK_KAFKA_KIND == mock ]]; then
    "$project/deploy/local/stack" topic "$SLIDING_STOCK_KAFKA_TOPIC" "$SLIDING_STOCK_KAFKA_PARTITIONS" --dir "$dir"
  fi
  "$binaries/StockSyncWorker" migrate >"$dir/migrated"
}

query() { # DATABASE SQL
  postgres_psql -d "$1" -v ON_ERROR_STOP=1 -c "$2"
}

# The next one; 'activity' is its id from now on.
new_activity() { # [STOCK]
  activity=$((activity + 1))
  "$binaries/StockSyncWorker" activity create --id "$activity" --name bench --stock "${1:-10000000}" --closes +2h \
    >"$dir/created"
}

# One that is drawn from over HTTP: reconciled at the end of the round, slot by slot, so no larger than it has to be: for
# 100,000 draws a second.
draw_from_new() { # [STOCK]
  new_activity "${1:-$(((seconds + 2) * 100000))}"
  drawn+=("$activity")
}

# One that was claimed from without Kafka: of no store may know it when the worker runs.
forget_activity() { # ID
  redis UNLINK "stock:{$1}" "stock:{$1}:locks" "stock:{$1}:users" "stock:{$1}:free" "stock:{$1}:outbox" >/dev/null
  redis SREM stock:activities "$1" >/dev/null
  query "$database" "DELETE FROM activity WHERE id = $1"
}

held() { # ACTIVITY FIELD
  redis HGET "stock:{$1}" "$2"
}

draw_port() { cat "$dir/${1:-service-draw-1}/port"; }
draw_url() { echo "http://127.0.0.1:$(draw_port)/v1/activities/$activity/draws"; }

# Ready only when an activity was made: before, Redis is known to nobody.
# $draw_binaries: where to find it when it is not ours.
begin_draw() { # [PART]
  binaries=${draw_binaries:-$binaries} SLIDING_STOCK_STATS_INTERVAL_MS=200 start_draw "${1:-service-draw-1}"
  await_service "${1:-service-draw-1}"
}

# Its claims are counted when it has said all: Postgres must have them at the end of the round.
end_draw() { # [PART]
  local part=${1:-service-draw-1}
  end_service "$part" || broken "$part did not drain"
  claims_told=$((claims_told + $(sum_of_draws claimed "$dir/$part/log")))
}

# A broker's first minute is its compiler's: draws of which nothing is counted, until it takes no less for each than in the
# ten seconds before. With a real one.
warm_up() {
  local activities=1 run used now before=0
  if [[ $STACK_KAFKA_KIND != kafka || $quick == yes ]]; then return; fi
  prepare_round 0
  draw_from_new 10000000
  begin_draw
  run_wrk 30 0
  for run in 1 2 3 4 5; do
    draw_from_new 10000000 # one stock for all would be sold out where draws are fast
    used=$(cpu_us "$STACK_KAFKA_PID")
    run_wrk 10 "$run"
    now=$(calc "($(cpu_us "$STACK_KAFKA_PID") - $used) / $(held "$activity" seq)")
    say "Kafka takes $now µs a draw"
    if awk -v now="$now" -v before="$before" 'BEGIN { exit !(now > 0.9 * before && before > 0) }'; then break; fi
    before=$now
  done
  end_draw
  for activity in "${drawn[@]}"; do forget_activity "$activity"; done
}

# A: everything together, as many draws as go through. With several activities the size of a batch is the last one's.
measure_whole() { # PREFIX
  local pid outbox lines usage seq calls number
  for ((number = 1; number < activities; number++)); do draw_from_new; done
  draw_from_new $(((seconds + 1) * 200000))
  whole=$activity outbox="stock:{$activity}:outbox"
  begin_draw
  pid=$(pid_of service-draw-1)
  sleep 1
  note "$1_idle_mb" "$(memory_mb "$pid" VmRSS)"
  run_wrk 1 0
  sleep 0.5
  lines=$(wc -l <"$dir/service-draw-1/log")
  seq=$(held "$activity" seq)
  calls=$(redis XINFO STREAM "$outbox" | grep -A1 '^entries-added' | tail -n 1)
  usage="$(cpu_us "$pid") $(cpu_us "$STACK_REDIS_PID") $(cpu_us "$STACK_KAFKA_PID")"
  run_wrk "$seconds" 1
  usage="$usage $(cpu_us "$pid") $(cpu_us "$STACK_REDIS_PID") $(cpu_us "$STACK_KAFKA_PID")"
  sleep 0.5
  seq=$(($(held "$activity" seq) - seq))
  calls=$(($(redis XINFO STREAM "$outbox" | grep -A1 '^entries-added' | tail -n 1) - calls))
  note "$1_load_mb" "$(memory_mb "$pid" VmHWM)"
  tail -n "+$((lines + 1))" "$dir/service-draw-1/log" >"$dir/stats"
  note_whole "$1" "$seq" "$calls" "$usage"
}

note_whole() { # PREFIX CLAIMS CALLS "CPU before and after of DrawService, Redis, Kafka"
  local claimed others draw redis kafka
  claimed=$(sum_of_draws claimed "$dir/stats")
  others=$(sum_of_draws all "$dir/stats")
  [[ $claimed -gt 0 ]] || die "no draw was accepted"
  read -r draw redis kafka < <(awk '{ print $4 - $1, $5 - $2, $6 - $3 }' <<<"$4")
  note "$1_per_s" "$(calc "$claimed / $(wrk_seconds)")"
  note "$1_no_claim" $((others - claimed))
  note "$1_p50_ms" "$(wrk_ms 50%)"
  note "$1_p99_ms" "$(wrk_ms 99%)"
  note "$1_batch" "$(calc "$2 / $3")"
  note "$1_turn_p50" "$(sed -n 's/.*"turnRequests":{[^}]*"p50":\([0-9]*\).*/\1/p' "$dir/stats" | sort -n | awk '
    { value[NR] = $1 } END { print value[int((NR + 1) / 2)] }')"
  note "$1_draw_us" "$(calc "$draw / $claimed")"
  note "$1_wrk_us" "$(calc "$(wrk_us) / $claimed")"
  note "$1_redis_us" "$(calc "$redis / $claimed")"
  note "$1_kafka_us" "$(calc "$kafka / $claimed")"
}

# Answers by outcome, out of the stats lines of a log.
sum_of_draws() { # OUTCOME, or all; LOG
  sed -n 's/.*"event":"stats".*"draws":{\([^}]*\)}.*/\1/p' "$2" | tr ',' '\n' | awk -F: -v outcome="\"$1\"" '
    outcome == "\"all\"" || $1 == outcome { sum += $2 } END { print sum + 0 }'
}

# D, E: draws at half of the rate, whether or not the last ones were answered.
measure_half() { # PREFIX NUMBER_OF_RUN
  measure_fixed "$1" "$(calc "int($(latest a_per_s) / 2)")" "$2"
}

measure_fixed() { # PREFIX RATE [NUMBER_OF_RUN]
  run_draws "$seconds" --rate "$2" --run "${3:-0}"
  note "${1}_wanted_per_s" "$2"
  note "${1}_per_s" "$(told per_s)"
  note "${1}_client_us" "$(calc "$(told client_us) / $(told claimed)")"
  note "${1}_p50_ms" "$(told p50_ms)"
  note "${1}_p99_ms" "$(told p99_ms)"
}

run_draws() { # SECONDS OPTIONS of Bench draws
  local length=$1
  shift
  "$bench" draws --port "$(draw_port)" --activity "$activity" --connections "$connections" --seconds "$length" "$@" \
    >"$dir/told"
  [[ $(told claimed) -gt 0 ]] || die "no draw was accepted"
}

# B: the parts, each alone.
measure_parts() {
  local half=$(((seconds + 1) / 2))
  measure_http "$half"
  measure_script b_script "$(latest a_batch | awk '{ print int($1 + 0.5) }')" 4 "$half"
  measure_produce produce broker 8192 "$half"
  measure_produce few few_broker "$connections" "$half"
  note_ratios
}

measure_http() { # SECONDS
  local pid used
  mkdir -p "$dir/service-http"
  launch service-http "$bench" http
  await_ready service-http 10 grep -q '^port ' "$dir/service-http/log" || die "the HTTP front did not start"
  pid=$(pid_of service-http)
  used=$(cpu_us "$pid")
  cp "$dir/service-http/log" "$dir/told"
  run_wrk "$1" 0 "$connections" "http://127.0.0.1:$(told port)/v1/activities/$activity/draws"
  used=$(($(cpu_us "$pid") - used))
  end_service service-http
  note b_http_per_s "$(calc "$(wrk_requests) / $(wrk_seconds)")"
  note b_http_us "$(calc "$used / $(wrk_requests)")"
  note b_wrk_us "$(calc "$(wrk_us) / $(wrk_requests)")"
}

measure_script() { # PREFIX BATCH CALLS SECONDS
  local used
  new_activity
  used=$(cpu_us "$STACK_REDIS_PID")
  claim_script >"$dir/claim.lua"
  "$bench" script --activity "$activity" --script "$dir/claim.lua" --batch "$2" --calls "$3" --seconds "$4" >"$dir/told"
  used=$(($(cpu_us "$STACK_REDIS_PID") - used))
  forget_activity "$activity"
  note "$1_us" "$(calc "$used / $(told claims)")"
  note "$1_per_s" "$(calc "$(told claims) / $(told seconds)")"
}

measure_produce() { # NAME NAME_OF_BROKER IN_FLIGHT SECONDS
  local used
  used=$(cpu_us "$STACK_KAFKA_PID")
  "$bench" produce --topic "$topics-bare" --in-flight "$3" --seconds "$4" >"$dir/told"
  used=$(($(cpu_us "$STACK_KAFKA_PID") - used))
  note "b_$1_us" "$(calc "$(told client_us) / $(told messages)")"
  note "b_$1_per_s" "$(calc "$(told messages) / $(told seconds)")"
  note "b_$2_us" "$(calc "$used / $(told messages)")"
}

note_ratios() {
  local sum
  sum=$(calc "$(latest b_wrk_us) + $(latest b_http_us) + $(latest b_script_us) + $(latest b_produce_us) + $(latest b_broker_us)")
  note bound_per_s "$(calc "$(nproc) * 1e6 / $sum")"
  note whole_ratio "$(calc "$(latest a_per_s) / $(latest bound_per_s)")"
  note draw_ratio "$(calc "$(latest a_draw_us) / ($(latest b_http_us) + $(latest b_produce_us))")"
}
