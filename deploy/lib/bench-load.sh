# shellcheck shell=bash
# What deploy/bench measures of DrawService at its edges: sold out, many connections, two instances, too much. Sourced,
# after bench-parts.sh and bench-worker.sh.

# Row 8: draws of a stock that is gone.
measure_sold_out() {
  local pid used refused
  draw_from_new 1
  begin_draw
  pid=$(pid_of service-draw-1)
  run_wrk 1 0
  sleep 0.5
  refused=$(sum_of_draws sold_out "$dir/service-draw-1/log")
  used=$(cpu_us "$pid")
  run_wrk "$(((seconds + 1) / 2))" 1
  used=$(($(cpu_us "$pid") - used))
  sleep 0.5
  refused=$(($(sum_of_draws sold_out "$dir/service-draw-1/log") - refused))
  [[ $refused -gt 0 ]] || die "no draw was refused as sold out"
  note sold_per_s "$(calc "$refused / $(wrk_seconds)")"
  note sold_p99_ms "$(wrk_ms 99%)"
  note sold_draw_us "$(calc "$used / $refused")"
  note sold_ratio "$(calc "$(latest sold_per_s) / $(latest a_per_s)")"
  end_draw
}

# Row 11: a service's memory with 1,000 connections, all of them drawing.
measure_thousand() {
  local claimed
  draw_from_new
  begin_draw
  run_wrk "$(((seconds + 1) / 2))" 0 1000
  sleep 0.5
  claimed=$(sum_of_draws claimed "$dir/service-draw-1/log")
  note thousand_per_s "$(calc "$claimed / $(wrk_seconds)")"
  note thousand_mb "$(memory_mb "$(pid_of service-draw-1)" VmHWM)"
  end_draw
}

# Row 13: two clients, both at one DrawService, then each at its own.
measure_two() {
  draw_from_new
  begin_draw
  draw_twice one service-draw-1
  draw_from_new
  begin_draw service-draw-2
  draw_twice two service-draw-2
  end_draw
  end_draw service-draw-2
  note two_ratio "$(calc "$(latest two_per_s) / $(latest one_per_s)")"
}

# The second client's service is given.
draw_twice() { # PREFIX PART
  draw_both 1 0 1 "$2"
  draw_both "$(((seconds + 1) / 2))" 2 3 "$2"
  note "$1_per_s" "$(awk '$1 == "per_s" { sum += $2 } END { print sum }' "$dir/told-first" "$dir/told")"
}

draw_both() { # SECONDS RUN RUN PART
  local -a one=("$bench" draws --activity "$activity" --connections $((connections / 2)) --seconds "$1")
  "${one[@]}" --port "$(draw_port)" --run "$2" >"$dir/told-first" &
  "${one[@]}" --port "$(draw_port "$4")" --run "$3" >"$dir/told"
  wait $!
}

# Row 14: everything but the client on one core. In the flood the service has room for so few that 1,000 connections,
# each with one request under way, are more than fits; with the defaults nothing would be refused.
measure_overload() {
  local half=$(((seconds + 1) / 2))
  drain_topic
  begin_worker
  await_partitions
  measure_maximum "$half"
  measure_refusing "$half"
  draw_from_new
  SLIDING_STOCK_CLAIM_INBOX=512 SLIDING_STOCK_CLAIM_IN_FLIGHT=768 begin_draw
  pin_servers
  pinned 1 "$bench" overload --port "$(draw_port)" --activity "$activity" --calm 512 --seconds "$half" \
    --most "$(calc "int($(latest over_first_per_s))")" >"$dir/told"
  end_draw
  unpin
  end_service service-worker-1
  note_overload
}

# With the defaults there is room for all of 1,000 connections.
measure_maximum() { # SECONDS
  draw_from_new
  begin_draw
  run_draws "$1" --connections 1000 --run 8 # the broker's compiler is not to share the one core
  pin_servers
  draw_pinned "$1" 9                        # and what else runs on this machine has to leave it
  draw_pinned "$1" 0
  note over_first_per_s "$(told per_s)"
  note over_max_us "$(calc "$pinned_us / $(told claimed)")"
  note over_first_p99_ms "$(told p99_ms)"
  end_draw
}

# What a refusal costs: a service that has room for one request.
measure_refusing() { # SECONDS
  draw_from_new
  SLIDING_STOCK_CLAIM_INBOX=1 begin_draw
  pin_servers
  draw_pinned "$1" 0
  [[ $(told overloaded) -gt 0 ]] || die "no draw was refused as overloaded"
  note refuse_us "$(calc "($pinned_us - $(told claimed) * $(latest over_max_us)) / $(told overloaded)" | sed 's/^-.*/0/')"
  end_draw
}

# Draws over 1,000 connections; $pinned_us is the CPU of service and servers for them.
draw_pinned() { # SECONDS NUMBER_OF_RUN
  pinned_us=$(servers_us)
  pinned 1 "$bench" draws --port "$(draw_port)" --activity "$activity" --connections 1000 --seconds "$1" --run "$2" \
    >"$dir/told"
  pinned_us=$(($(servers_us) - pinned_us))
}

servers_us() {
  echo $(($(cpu_us "$(pid_of service-draw-1)") + $(cpu_us "$STACK_REDIS_PID") + $(cpu_us "$STACK_KAFKA_PID")))
}

note_overload() {
  local name best=first
  for name in before_per_s before_p99_ms offered_per_s sent_per_s refused_per_s others_per_s accepted_per_s \
    accepted_p99_ms after_per_s back_s; do note "over_$name" "$(told $name)"; done
  # A disturbance of one calm phase is no lack of strength.
  note over_max_per_s "$(for name in first before after; do latest over_${name}_per_s; done | sort -g | tail -n 1)"
  note over_times "$(calc "$(told offered_per_s) / $(latest over_max_per_s)")"
  if [[ $(calc "($(told before_per_s) > $(latest over_first_per_s))") == 1 ]]; then best=before; fi
  note over_max_p99_ms "$(latest over_${best}_p99_ms)"
  # A core has a million microseconds a second.
  note over_left_per_s "$(awk -v most="$(latest over_max_per_s)" -v refused="$(told refused_per_s)" \
    -v us="$(latest refuse_us)" 'BEGIN { left = most * (1 - refused * us / 1e6); print (left > 1 ? left : 1) }')"
  note over_ratio "$(calc "$(told accepted_per_s) / $(latest over_left_per_s)")"
  note over_p99_ratio "$(calc "$(told accepted_p99_ms) / $(latest over_max_p99_ms)")"
}

# A process with all its threads to a core; nothing is pinned where there is only one.
pin() { # CORE PID
  if [[ $(nproc --all) -gt 1 ]]; then taskset -acp "$1" "$2" >/dev/null 2>&1 || true; fi
}

pinned() { # CORE COMMAND…
  local core=$1
  shift
  if [[ $(nproc --all) -gt 1 ]]; then taskset -c "$core" "$@"; else "$@"; fi
}

# All that runs, to the first core.
pin_servers() {
  local pid
  allowed=$(taskset -cp $$ | sed 's/.*: //')
  for pid in $(server_pids); do pin 0 "$pid"; done
}

unpin() {
  local pid
  for pid in $(server_pids); do pin "$allowed" "$pid"; done
}

server_pids() {
  local part
  echo "$STACK_REDIS_PID" "$STACK_KAFKA_PID" "$STACK_POSTGRES_PID"
  cat "/proc/$STACK_POSTGRES_PID/task/$STACK_POSTGRES_PID/children"
  for part in service-worker-1 service-draw-1; do
    if is_running "$part"; then pid_of "$part"; fi
  done
}
