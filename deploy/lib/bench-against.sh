# shellcheck shell=bash
# Two builds of DrawService in turns on the same servers: what a change costs. Sourced by deploy/bench.

# The other commit's DrawService, from a work tree of its own that is kept for the next time.
build_other() {
  local tree=$project/.local/against/$against
  if [[ ! -e $tree/Package.swift ]]; then
    git -C "$project" worktree prune
    git -C "$project" worktree add --quiet --detach "$tree" "$against"
  fi
  (
    cd "$tree" || exit
    swift build -c release --product DrawService
  )
  other=$tree/.build/release
}

# Ours first in odd rounds, the other first in even ones. Each has an activity of its own.
compare_once() { # NUMBER
  local ours=$binaries turn
  prepare_round "$1"
  for turn in $((($1 + 1) % 2)) $(($1 % 2)); do
    if [[ $turn -eq 0 ]]; then compare_turn a f "$ours"; else compare_turn o h "$other"; fi
  done
  note compare_per_s "$(calc "$(latest a_per_s) / $(latest o_per_s)")"
  note compare_draw_us "$(calc "$(latest a_draw_us) / $(latest o_draw_us)")"
  note compare_redis_us "$(calc "$(latest a_redis_us) / $(latest o_redis_us)")"
  note compare_p50 "$(calc "$(latest f_p50_ms) / $(latest h_p50_ms)")"
  note compare_p99 "$(calc "$(latest f_p99_ms) / $(latest h_p99_ms)")"
  say "round $1 of $rounds: $(latest a_per_s) draws/s, CPU $(latest a_draw_us) µs a draw; the other $(latest o_per_s), $(latest o_draw_us)"
}

compare_turn() { # PREFIX_OF_FULL PREFIX_OF_FIXED BINARIES
  local made=$binaries
  activity=$((activity + 1000))
  new_activity "$activity"
  binaries=$3
  measure_whole "$1"
  binaries=$made
  measure_fixed "$2" 8000
  end_service service-draw-1
  drop_activity "$activity"
}

print_comparison() {
  row "DrawService" "this build" "$(git -C "$project" rev-parse --short "$against")" ratio goal
  row --- --- --- --- ---
  row "accepted draws/s, $connections connections" "$(cell a_per_s)" "$(cell o_per_s)" "$(cell compare_per_s)" —
  row "CPU per accepted draw, µs" "$(cell a_draw_us)" "$(cell o_draw_us)" "$(cell compare_draw_us)" "≤ 1.05"
  row "CPU of Redis per accepted draw, µs" "$(cell a_redis_us)" "$(cell o_redis_us)" "$(cell compare_redis_us)" —
  row "latency at full load, ms" "p50 $(cell a_p50_ms), p99 $(cell a_p99_ms)" "p50 $(cell o_p50_ms), p99 $(cell o_p99_ms)" — —
  row "latency at 8,000 draws/s, p50, ms" "$(cell f_p50_ms)" "$(cell h_p50_ms)" "$(cell compare_p50)" —
  row "latency at 8,000 draws/s, p99, ms" "$(cell f_p99_ms)" "$(cell h_p99_ms)" "$(cell compare_p99)" —
}
