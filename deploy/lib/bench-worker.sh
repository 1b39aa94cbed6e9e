# shellcheck shell=bash
# The worker's part of a round of deploy/bench. Sourced, after bench-parts.sh.

# With one stats line, at the end: its percentiles are of the whole.
begin_worker() { # [INTERVAL_OF_STATS_MS]
  SLIDING_STOCK_STATS_INTERVAL_MS=${1:-600000} start_worker service-worker-1
  await_ready service-worker-1 30 grep -q '"event":"started"' "$dir/service-worker-1/log" || {
    explain service-worker-1 "did not start"
    exit 1
  }
}

# What all of these activities have put into the topic.
events_of() { # ACTIVITY…
  local id sum=0
  for id in "$@"; do sum=$((sum + $(held "$id" seq))); done
  echo "$sum"
}

await_applied() { # EVENTS
  local limit=$((SECONDS + 300))
  until [[ $(query "$database" "SELECT coalesce(sum(next), 0)::bigint >= $1 FROM consumer_offset") == t ]]; do
    if ((SECONDS >= limit)); then die "the worker is not done after 300 s"; fi
    sleep 0.3
  done
}

# C: a full topic, applied by one worker; then the same rows in other ways.
measure_worker() {
  local events pid before pid_us
  events=$(events_of "${drawn[@]}")
  query "$database" CHECKPOINT
  before=$(postgres_us)
  begin_worker
  pid=$(pid_of service-worker-1)
  pid_us=$(cpu_us "$pid")
  await_applied "$events"
  note c_worker_us "$(calc "($(cpu_us "$pid") - $pid_us) / $events")"
  note c_postgres_us "$(calc "($(postgres_us) - $before) / $events")"
  end_service service-worker-1
  note c_rows "$(query "$database" "SELECT count(*) FROM claim")"
  note c_batch "$(query "$database" "SELECT count(*)::real / count(DISTINCT applied_at) FROM claim")"
  note c_per_s "$(rows_per_s "$database")"
  measure_references
  note c_same_ratio "$(calc "$(latest c_per_s) / $(latest c_same_per_s)")"
  note c_naive_ratio "$(awk -v mine="$(latest c_per_s)" -v one="$(latest c_naive_1_per_s)" \
    -v eight="$(latest c_naive_8_per_s)" 'BEGIN { print mine / (one > eight ? one : eight) }')"
}

# A row's applied_at is the start of its transaction: all rows but the last transaction's, in the time between the
# first start and the last.
rows_per_s() { # DATABASE
  query "$1" "
    WITH part AS (SELECT applied_at, count(*) AS rows FROM claim GROUP BY 1)
    SELECT round((sum(rows) FILTER (WHERE applied_at < (SELECT max(applied_at) FROM part))
      / extract(epoch FROM max(applied_at) - min(applied_at)))::numeric, 1)
    FROM part HAVING count(*) > 1"
}

# The worker's very batches, in the order in which it wrote them, in a copy of its database.
measure_references() {
  local copy=${database}_copy count
  postgres_psql -d postgres -c "CREATE DATABASE $copy TEMPLATE $database"
  query "$copy" "
    CREATE TABLE batch AS
    SELECT row_number() OVER (ORDER BY applied_at) AS n, array_agg(activity ORDER BY ctid) AS a1,
      array_agg(slot ORDER BY ctid) AS a2, array_agg(seq ORDER BY ctid) AS a3,
      array_agg(state = 'released' ORDER BY ctid) AS a4, array_agg(usr ORDER BY ctid) AS a5,
      array_agg(request ORDER BY ctid) AS a6, array_agg(epoch ORDER BY ctid) AS a7,
      array_agg((extract(epoch FROM event_at) * 1000)::bigint ORDER BY ctid) AS a8,
      array_agg(false ORDER BY ctid) AS a9, count(*) AS rows
    FROM claim GROUP BY applied_at;
    ALTER TABLE batch ADD PRIMARY KEY (n)"
  count=$(query "$copy" "SELECT count(*) FROM batch")
  same_statements >"$dir/same.sql"
  naive_statements >"$dir/naive.sql"
  empty_tables "$copy"
  run_pgbench "$copy" same.sql -c 1 -t "$count" -D n=0
  note c_same_per_s "$(rows_per_s "$copy")"
  for count in 1 8; do
    empty_tables "$copy"
    run_pgbench "$copy" naive.sql -c "$count" -T $(((seconds + 1) / 2)) -D slot=0 -D clients="$count"
    note "c_naive_${count}_per_s" "$(awk '$1 == "tps" { print $3 }' "$dir/pgbench")"
  done
  postgres_psql -d postgres -c "DROP DATABASE $copy"
}

empty_tables() { # DATABASE
  query "$1" "TRUNCATE claim; UPDATE activity SET stock_surplus = stock_total"
  query "$1" "UPDATE consumer_offset SET next = 0"
  query "$1" CHECKPOINT
}

# With the run-time parameters of the worker's connection.
run_pgbench() { # DATABASE FILE OPTIONS…
  local file=$2 name=$1
  shift 2
  PGOPTIONS='-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c enable_material=off -c jit=off' \
    "$(postgres_programs)/pgbench" -h "$short/pg" -p "$STACK_POSTGRES_PORT" -U postgres -n -M prepared \
    -f "$dir/$file" "$@" "$name" >"$dir/pgbench" 2>&1 || {
    tail -n 20 "$dir/pgbench" >&2
    die "pgbench failed"
  }
}

# A statement of the worker's, its parameters replaced by the given expressions.
statement() { # NAME EXPRESSION…
  local name=$1 text number
  text=$(sed 's/--.*//' "$statements/$name.sql")
  shift
  for ((number = $#; number >= 1; number--)); do text=${text//"\$$number"/${!number}}; done
  echo "$text;"
}

# What the worker sends for a batch, its parameters read from the table of batches.
same_statements() {
  local topic="'$SLIDING_STOCK_KAFKA_TOPIC'" partitions places number
  local -a arrays=()
  partitions="ARRAY[$(query "$database" "SELECT string_agg(partition::text, ',' ORDER BY partition) FROM consumer_offset")]"
  places="ARRAY[cardinality($partitions)]"
  for number in 1 2 3 4 5 6 7 8 9; do arrays+=("(SELECT a$number FROM batch WHERE n = :n)"); done
  echo '\set n :n + 1'
  echo 'BEGIN;'
  statement lock_offsets "$topic" "$partitions"
  statement advance_offsets "$topic" "$partitions" "array_fill(:n::bigint, $places)" "array_fill(0::bigint, $places)"
  statement read_totals "ARRAY[$whole]"
  statement apply_claims "${arrays[@]}"
  statement change_surplus "ARRAY[$whole]" "ARRAY[(SELECT rows FROM batch WHERE n = :n)]"
  echo 'COMMIT;'
}

# The usual way: a transaction for each message.
naive_statements() {
  cat <<TEXT
\\set slot :slot + :clients
\\set mine :slot + :client_id
BEGIN;
UPDATE consumer_offset SET next = next + 1 WHERE topic = '$SLIDING_STOCK_KAFKA_TOPIC' AND partition = :client_id;
INSERT INTO claim (activity, slot, seq, state, usr, request, epoch, event_at)
VALUES ($whole, :mine::integer, :mine::bigint, 'claimed', 'user-' || :mine::text, 'req-' || :mine::text, 1, now());
UPDATE activity SET stock_surplus = stock_surplus - 1 WHERE id = $whole;
COMMIT;
TEXT
}

# E: from the claim to its commit in Postgres, at half of the maximum rate.
measure_visible() {
  drain_topic
  begin_worker
  await_partitions
  draw_from_new
  begin_draw
  measure_half e 1
  end_draw
  end_service service-worker-1
  grep '"event":"stats"' "$dir/service-worker-1/log" >"$dir/stats"
  note e_visible_p50_ms "$(tail -n 1 "$dir/stats" | delay_ms p50)"
  note e_visible_p99_ms "$(tail -n 1 "$dir/stats" | delay_ms p99)"
}

# So that a worker which is measured next finds nothing old.
drain_topic() {
  local events
  events=$(events_of "${drawn[@]}")
  if [[ $(query "$database" "SELECT coalesce(sum(next), 0)::bigint >= $events FROM consumer_offset") == t ]]; then return; fi
  begin_worker
  await_applied "$events"
  end_service service-worker-1
}

await_partitions() {
  await_ready service-worker-1 30 grep -q '"event":"assigned"' "$dir/service-worker-1/log" ||
    die "the worker was given no partitions"
}

# Of each stats line that comes in.
delay_ms() { # p50 or p99
  sed 's/.*"delayMs":{[^}]*"'"$1"'":\([0-9]*\).*/\1/'
}

# Every claim that a client was told is in Postgres, Postgres and Redis agree slot by slot, and nothing is oversold.
reconcile_round() {
  local id rows=0 found
  [[ ${#drawn[@]} -gt 0 ]] || return 0
  begin_worker
  await_applied "$(events_of "${drawn[@]}")"
  for id in "${drawn[@]}"; do
    "$binaries/StockSyncWorker" reconcile --activity "$id" >"$dir/reconciled" 2>&1 || {
      sed 's/^/  /' "$dir/reconciled"
      broken "activity $id: Redis and Postgres do not agree"
    }
    found=$(query "$database" "SELECT count(*) FROM claim WHERE activity = $id AND state = 'claimed'")
    rows=$((rows + found))
    if [[ $found -gt $(held "$id" total) ]]; then broken "activity $id: oversold"; fi
    if [[ $found -ne $(held "$id" locks) ]]; then broken "activity $id: $found rows, $(held "$id" locks) locks"; fi
  done
  if [[ $(query "$database" "SELECT count(*) FROM dead_letter") -ne 0 ]]; then broken "messages were kept aside"; fi
  if [[ $claims_told -gt $rows ]]; then broken "$claims_told claims were told, Postgres has $rows"; fi
  end_service service-worker-1
  note reconciled_claims "$rows"
  for id in "${drawn[@]}"; do forget_activity "$id"; done
}
