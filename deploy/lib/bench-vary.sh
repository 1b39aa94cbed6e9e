# shellcheck shell=bash
# DrawService with one setting at several values, in turns on the same servers: which one is best here. Sourced by
# deploy/bench, after bench-parts.sh and bench-worker.sh.

# Each value's turn has a topic of its own, so that their number of partitions may be what is varied. The order turns
# round from round to round.
vary_once() { # NUMBER
  local -a values turns
  local place turn
  IFS=, read -r -a values <<<"${vary#*=}"
  for place in "${!values[@]}"; do turns+=("$(((place + $1) % ${#values[@]}))"); done
  for turn in "${turns[@]}"; do vary_turn "$1" "$turn" "${values[turn]}"; done
  say "round $1 of $rounds: $SECONDS s since the start"
}

vary_turn() { # ROUND PLACE VALUE
  local variable=SLIDING_STOCK_${vary%%=*}
  variable=$(tr 'a-z.-' 'A-Z__' <<<"$variable")
  local was=${!variable-}
  export "$variable=$3"
  prepare_round "$((100 * $1 + $2))"
  measure_whole "v$2"
  measure_fixed "w$2" 8000
  end_draw
  reconcile_round
  if [[ -n $was ]]; then export "$variable=$was"; else unset "$variable"; fi
}
