# shellcheck shell=bash
# Points for the pictures of deploy/bench, after the rounds. Sourced, after the others.

measure_pictures() { # NUMBER
  local length=$(((seconds + 2) / 4))
  prepare_round "$1"
  draw_from_new
  begin_draw
  sweep_connections "$length"
  draw_from_new
  sweep_rates "$length"
  end_draw
  follow_lag
  reconcile_round
}

# Closed loop: each connection draws again as soon as it has its answer.
sweep_connections() { # SECONDS
  local count run=0
  most=0
  for count in 1 4 16 64 256 1000; do
    run_draws "$1" --connections "$count" --run "$run"
    run=$((run + 1))
    point connections per_s "$count" "$(told per_s)"
    point connections p50 "$count" "$(told p50_ms)"
    point connections p99 "$count" "$(told p99_ms)"
    most=$(awk -v most="$most" -v mine="$(told per_s)" 'BEGIN {
      print int(mine > most ? mine : most) }')
  done
}

# Open loop, up to nearly what the closed one has reached.
sweep_rates() { # SECONDS
  local percent rate run=0
  for percent in 10 30 50 70 80 90; do
    rate=$((most * percent / 100))
    run_draws "$1" --rate "$rate" --run "$run"
    run=$((run + 1))
    point rate p50 "$rate" "$(told p50_ms)"
    point rate p99 "$rate" "$(told p99_ms)"
  done
}

# The lag of a sale at half of the maximum, from the worker's stats lines, one for each half second.
follow_lag() {
  local number=0 line
  drain_topic
  begin_worker 500
  await_partitions
  draw_from_new
  begin_draw
  run_draws "$seconds" --rate "$((most / 2))"
  sleep 1
  end_draw
  end_service service-worker-1
  while read -r line; do
    number=$((number + 1))
    point lag p50 "$(calc "$number / 2")" "$(delay_ms p50 <<<"$line")"
    point lag p99 "$(calc "$number / 2")" "$(delay_ms p99 <<<"$line")"
  done < <(grep '"event":"stats"' "$dir/service-worker-1/log" | grep -v '"applied":0,')
}

draw_pictures() { # FOLDER
  "$bench" pictures --figures "$dir/figures" --points "$dir/points" --folder "$1"
  say "pictures in $1"
}
