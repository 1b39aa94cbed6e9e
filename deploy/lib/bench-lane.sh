# shellcheck shell=bash
# What deploy/bench measures without HTTP and Kafka: the lane, its script, and what Redis keeps. Sourced, after
# bench-parts.sh.

# Claims through DrawService's own lane, and CPU of Redis for them.
run_lane() { # OPTIONS of Bench lane
  lane_redis_us=$(cpu_us "$STACK_REDIS_PID")
  "$bench" lane "$@" >"$dir/told" || {
    broken "the lane"
    die "the lane's run did not end well"
  }
  lane_redis_us=$(($(cpu_us "$STACK_REDIS_PID") - lane_redis_us))
}

# Rows 4 and 5: the lane, redis-benchmark with the same script, and one call per claim.
measure_lane() {
  local half=$(((seconds + 1) / 2))
  compare_lane lane 100 "$half"
  note lane_us "$(calc "$lane_own_us / $lane_claims")"
  note lane_redis_us "$(calc "$lane_redis_us / $lane_claims")"
  if [[ $quick == no ]]; then compare_lane lane_32 32 "$half"; fi
  measure_script single 1 128 "$half"
  note single_ratio "$(calc "$(latest lane_per_s) / $(latest single_per_s)")"
}

compare_lane() { # PREFIX BATCH SECONDS
  local calls
  new_activity
  run_lane --activity "$activity" --batch "$2" --seconds "$3"
  forget_activity "$activity"
  lane_claims=$(told claims) lane_own_us=$(told lane_us) calls=$(told calls)
  note "$1_per_s" "$(calc "$lane_claims / $(told seconds)")"
  if [[ $1 == lane ]]; then
    note lane_batch "$(told batch)"
    note lane_calls "$calls"
  fi
  measure_bare "$1" "$2" "$(calc "int($calls)")" "$lane_claims"
  note "$1_ratio" "$(calc "$(latest "$1_per_s") / $(latest "$1_bare_per_s")")"
}

# redis-benchmark with the same script; ids of 13 and 16 characters.
measure_bare() { # PREFIX BATCH CALLS CLAIMS
  local sha count per_s number
  local -a items=()
  settle_redis
  new_activity
  sha=$(claim_script | redis -x SCRIPT LOAD)
  for ((number = 0; number < $2; number++)); do items+=(u__rand_int__ req-__rand_int__ k); done
  count=$((($4 / $2 + $3 - 1) / $3 * $3))
  per_s=$(redis-benchmark -s "$SLIDING_STOCK_REDIS_SOCKET" -c 1 -P "$3" -n "$count" -r 2000000000 --csv \
    EVALSHA "$sha" 7 stock:fence stock:activities "stock:{$activity}" "stock:{$activity}:locks" \
    "stock:{$activity}:users" "stock:{$activity}:free" "stock:{$activity}:outbox" \
    "$activity" 4503599627370496 0 10000 10000000 "${items[@]}" 2>/dev/null | tail -n 1 | awk -F '","' '{ print $2 }')
  # A user that comes twice gets nothing, and a script that fails claims nothing.
  note "$1_bare_per_s" "$(calc "$per_s * $(held "$activity" seq) / $count")"
  forget_activity "$activity"
}

# What was thrown away is freed in the background.
settle_redis() {
  local limit=$((SECONDS + 10))
  until [[ $(redis INFO memory | tr -d '\r' | sed -n 's/^lazyfree_pending_objects://p') == 0 ]]; do
    if ((SECONDS >= limit)); then return; fi
    sleep 0.1
  done
}

used_memory() { redis INFO memory | tr -d '\r' | sed -n 's/^used_memory://p'; }

# Row 10: what a held claim takes in Redis.
measure_memory() {
  local claims=100000 key name bytes sum=0 before
  settle_redis
  new_activity
  before=$(used_memory)
  run_lane --activity "$activity" --claims "$claims" --seconds 60
  sleep 1
  note used_bytes "$(calc "($(used_memory) - $before) / $claims")"
  for name in '' :locks :users :free :outbox; do
    key="stock:{$activity}$name"
    bytes=$(redis MEMORY USAGE "$key" SAMPLES 0)
    sum=$((sum + ${bytes:-0}))
    name=${name#:}
    note "key_${name:-stock}_bytes" "$(calc "${bytes:-0} / $claims")"
  done
  note held_claims "$claims"
  note key_bytes "$(calc "$sum / $claims")"
  forget_activity "$activity"
}

# Row 12: whole stocks, claimed to their end; ten of the smallest.
measure_stocks() {
  measure_stock 4 10
  measure_stock 5 1
  measure_stock 6 1
  note stock_5_ratio "$(calc "$(latest stock_5_us) / $(latest stock_4_us)")"
  note stock_6_ratio "$(calc "$(latest stock_6_us) / $(latest stock_4_us)")"
}

measure_stock() { # POWER_OF_TEN ACTIVITIES
  local stock=$((10 ** $1)) first=$((activity + 1)) number
  for ((number = 0; number < $2; number++)); do new_activity "$stock"; done
  settle_redis
  run_lane --activity "$first" --activities "$2" --claims "$stock" --seconds 120
  note "stock_$1_us" "$(calc "($(told lane_us) + $lane_redis_us) / $(told claims)")"
  for ((number = 0; number < $2; number++)); do forget_activity $((first + number)); done
}
