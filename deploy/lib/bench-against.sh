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
    swift build -c release --static-swift-stdlib --product DrawService
  )
  other=$tree/.build/release
}

# Ours first in odd rounds, the other first in even ones. Each has an activity of its own, made by our worker.
compare_once() { # NUMBER
  local turn
  prepare_round "$1"
  for turn in $((($1 + 1) % 2)) $(($1 % 2)); do
    if [[ $turn -eq 0 ]]; then compare_turn a f "$binaries"; else compare_turn o h "$other"; fi
  done
  note compare_per_s "$(calc "$(latest a_per_s) / $(latest o_per_s)")"
  note compare_draw_us "$(calc "$(latest a_draw_us) / $(latest o_draw_us)")"
  note compare_redis_us "$(calc "$(latest a_redis_us) / $(latest o_redis_us)")"
  note compare_p50 "$(calc "$(latest f_p50_ms) / $(latest h_p50_ms)")"
  note compare_p99 "$(calc "$(latest f_p99_ms) / $(latest h_p99_ms)")"
  reconcile_round
  say "round $1 of $rounds: $(latest a_per_s) draws/s, CPU $(latest a_draw_us) µs a draw; the other $(latest o_per_s), $(latest o_draw_us)"
}

compare_turn() { # PREFIX_OF_FULL PREFIX_OF_FIXED BINARIES
  local draw_binaries=$3
  measure_whole "$1"
  measure_fixed "$2" 8000
  end_draw
}
