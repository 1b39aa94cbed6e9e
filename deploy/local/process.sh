# shellcheck shell=bash
# Processes and ports: each server's pid is kept with its start time, so that nothing else is ever signalled.
# The sourcing script sets $dir.

die() {
  echo "stack: $*" >&2
  exit 1
}

# Why a part failed, with the end of what it logged.
explain() { # PART REASON
  echo "stack: $1 $2; its log ($dir/$1/log) ends:" >&2
  tail -n 15 "$dir/$1/log" 2>/dev/null | sed 's/^/    /' >&2 || true
}

# The fields of /proc/PID/stat behind the name: state first, start time (in clock ticks since boot) twentieth.
process_fields() { # PID
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  echo "${stat##*) }"
}

is_running() { # PART
  local pid start fields
  [[ -s $dir/$1/pid ]] || return 1
  read -r pid start <"$dir/$1/pid"
  fields=$(process_fields "$pid") || return 1
  # shellcheck disable=SC2086 # split into its words on purpose
  set -- $fields
  [[ $1 != Z && ${20} == "$start" ]]
}

pid_of() { # PART
  local pid
  read -r pid _ <"$dir/$1/pid"
  echo "$pid"
}

# Starts a server in a session of its own, so that a terminal's Ctrl-C reaches the script and not the server. It stays
# a child of this shell ('wait' gives its exit status), and it lives on when the shell ends.
launch() { # PART COMMAND…
  local part=$1 fields
  shift
  if [[ -f $dir/$part/log ]]; then mv -f "$dir/$part/log" "$dir/$part/log.previous"; fi
  setsid "$@" >"$dir/$part/log" 2>&1 </dev/null 9>&- &
  launched=$!
  fields=$(process_fields "$launched") || fields='Z'
  # shellcheck disable=SC2086 # split into its words on purpose
  set -- $fields
  echo "$launched ${20:-0}" >"$dir/$part/pid"
}

# The same for a server that this shell will not wait for, or bash would report how it ended.
launch_server() { # PART COMMAND…
  launch "$@"
  disown "$launched"
}

# Waits until CHECK succeeds; fails when the part has ended or the time is over.
await_ready() { # PART SECONDS CHECK…
  local part=$1 limit=$((SECONDS + $2))
  shift 2
  until "$@"; do
    if ! is_running "$part" || ((SECONDS >= limit)); then return 1; fi
    sleep 0.05
  done
  is_running "$part"
}

# Signals the part, paused or not, and waits for its end; fails when it still runs after that many seconds.
end_process() { # PART SIGNAL SECONDS
  local limit=$((SECONDS + $3))
  kill -s "$2" "$(pid_of "$1")" 2>/dev/null || true
  kill -s CONT "$(pid_of "$1")" 2>/dev/null || true
  while is_running "$1"; do
    if ((SECONDS >= limit)); then return 1; fi
    sleep 0.05
  done
}

# Is a TCP port of this machine in use? Read from the kernel's tables: neither root nor a tool is needed.
port_in_use() { # PORT
  local hex
  printf -v hex ':%04X' "$1"
  awk -v port="$hex" 'FNR > 1 && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }' \
    /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# A port that nothing uses, below the ephemeral range (32768 and up): the kernel lends it to nobody while its
# server is down for a restart.
free_port() {
  local port
  while true; do
    port=$((12000 + (RANDOM * 32768 + RANDOM) % 20000))
    if ! port_in_use "$port"; then
      echo "$port"
      return
    fi
  done
}
