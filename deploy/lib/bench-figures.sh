# shellcheck shell=bash
# Figures of a benchmark: gathered round by round in $dir/figures, a key and a value a line. Sourced.

note() { # KEY VALUE
  [[ $2 =~ ^[0-9.]+(e[+-]?[0-9]+)?$ ]] || die "no figure for $1: '$2'"
  echo "$1 $2" >>"$dir/figures"
}

calc() { # EXPRESSION of awk
  awk "BEGIN { printf \"%.6g\", $1 }"
}

# The value of this round.
latest() { # KEY
  awk -v key="$1" '$1 == key { value = $2 } END { print value }' "$dir/figures"
}

# Median, least and greatest of all rounds.
summary() { # KEY
  awk -v key="$1" '$1 == key { print $2 }' "$dir/figures" | sort -g | awk '
    { value[NR] = $1 }
    END {
      if (NR == 0) exit 1
      middle = NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2
      print middle, value[1], value[NR]
    }'
}

# "median (least–greatest)", with as many decimals as the size asks for.
cell() { # KEY
  summary "$1" | awk '
    function text(x) { return sprintf(x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : "%.2f", x) }
    { print text($1) " (" text($2) "–" text($3) ")" }'
}

# What is measured: key, unit, words. In the order of the listing.
figure_list() {
  cat <<'TEXT'
a_per_s|/s|accepted draws
a_p50_ms|ms|latency p50 at full load, all answers (wrk)
a_p99_ms|ms|latency p99 at full load, all answers (wrk)
a_no_claim||answers that were no new claim
a_batch||claims per script call
a_turn_p50||requests in a lane's turn, p50 of the stats lines
a_draw_us|µs|CPU per draw: DrawService
a_wrk_us|µs|CPU per draw: wrk
a_redis_us|µs|CPU per draw: redis-server
a_kafka_us|µs|CPU per draw: Kafka broker
a_idle_mb|MB|resident memory of DrawService, idle
a_load_mb|MB|resident memory of DrawService, highest under load
d_per_s|/s|accepted at half rate, open loop
d_p50_ms|ms|latency p50 at half rate, accepted
d_p99_ms|ms|latency p99 at half rate, accepted
b_http_per_s|/s|HTTP front answering a constant
b_http_us|µs|CPU per request: HTTP front
b_wrk_us|µs|CPU per request: wrk
b_script_per_s|/s|claim script in batches of that size
b_script_us|µs|CPU per claim: redis-server
b_single_per_s|/s|claim script, one call per claim
b_single_us|µs|CPU per claim, one call each: redis-server
b_produce_per_s|/s|bare producer
b_produce_us|µs|CPU per message: bare producer
b_broker_us|µs|CPU per message: broker
b_few_us|µs|CPU per message: bare producer, as few in flight as connections
b_few_broker_us|µs|CPU per message: broker, with as few in flight
bound_per_s|/s|parts bound
whole_ratio||accepted / parts bound
draw_ratio||CPU per draw of DrawService / (HTTP front + bare producer)
script_ratio||batches / one call per claim
c_rows||rows of the topic
c_per_s|/s|rows applied by the worker
c_batch||rows per transaction
c_worker_us|µs|CPU per row: worker
c_postgres_us|µs|CPU per row: Postgres
c_same_per_s|/s|rows by the same statements and batches, fed by pgbench
c_naive_1_per_s|/s|one UPDATE and INSERT per message, 1 client
c_naive_8_per_s|/s|one UPDATE and INSERT per message, 8 clients
c_same_ratio||worker / same statements
c_naive_ratio||worker / one UPDATE per message, the better of both
e_per_s|/s|accepted at half rate, worker running
e_p50_ms|ms|latency p50 at half rate, worker running
e_p99_ms|ms|latency p99 at half rate, worker running
e_visible_p50_ms|ms|claim to commit in Postgres, p50
e_visible_p99_ms|ms|claim to commit in Postgres, p99
TEXT
}

print_figures() {
  local key unit words
  while IFS='|' read -r key unit words; do
    printf '  %-66s %s %s\n' "$words" "$(cell "$key")" "$unit"
  done < <(figure_list)
}

# A row of the README's table: words, measured, reference, ratio, goal.
row() { printf '| %s | %s | %s | %s | %s |\n' "$@"; }

print_table() {
  row measured result reference ratio goal
  row --- --- --- --- ---
  row "accepted draws/s, 256 connections" "$(cell a_per_s)" "parts bound $(cell bound_per_s)" \
    "$(cell whole_ratio)" "≥ 0.75"
  row "latency at full load, ms" "p50 $(cell a_p50_ms), p99 $(cell a_p99_ms)" — — —
  row "CPU per accepted draw of DrawService, µs" "$(cell a_draw_us)" \
    "HTTP front $(cell b_http_us) + bare producer $(cell b_produce_us)" "$(cell draw_ratio)" "≤ 1.5"
  row "latency at half of the maximum rate, ms" "p50 $(cell d_p50_ms), p99 $(cell d_p99_ms)" — — "p50 ≤ 3, p99 ≤ 10"
  row "claims/s by the script, batches of $(cell a_batch)" "$(cell b_script_per_s)" \
    "one call per claim $(cell b_single_per_s)" "$(cell script_ratio)" "≥ 4"
  row "rows/s applied by the worker" "$(cell c_per_s)" "same statements by pgbench $(cell c_same_per_s)" \
    "$(cell c_same_ratio)" "≥ 0.85"
  row "rows/s applied by the worker" "$(cell c_per_s)" \
    "one UPDATE per message, 1 client $(cell c_naive_1_per_s), 8 clients $(cell c_naive_8_per_s)" \
    "$(cell c_naive_ratio)" "≥ 10"
  row "CPU per row, µs" "worker $(cell c_worker_us), Postgres $(cell c_postgres_us)" — — —
  row "claim to commit in Postgres at half rate, ms" "p50 $(cell e_visible_p50_ms), p99 $(cell e_visible_p99_ms)" \
    — — "p99 ≤ 250"
  row "resident memory of DrawService, MB" "idle $(cell a_idle_mb), load $(cell a_load_mb)" — — "≤ 15, ≤ 60"
}

# Conditions are lines of name, tab, value.
write_json() { # FILE
  {
    printf '{\n  "conditions": {'
    print_conditions | awk -F '\t' '{
      gsub(/[\\"]/, "\\\\&", $2)
      printf "%s\n    \"%s\": \"%s\"", (NR > 1 ? "," : ""), $1, $2 }'
    printf '\n  },\n  "figures": {'
    sort -s -k1,1 "$dir/figures" | awk '
      $1 != key { printf "%s\n    \"%s\": [%s", (key == "" ? "" : "],"), $1, $2; key = $1; next }
      { printf ", %s", $2 }
      END { print "]" }'
    printf '  }\n}\n'
  } >"$1"
}
