# shellcheck shell=bash
# What is common to all parts. Each part has PART_prepare (once, before its first start), PART_launch,
# PART_is_ready and PART_stop_signal (of the brokers: broker_…, called with the part); its port is kept in $dir/PART/port.

require_known() { # PART
  case $1 in
    redis | replica | postgres | kafka | kafka[123]) ;;
    *) die "unknown part '$1': redis, replica, postgres, kafka, or one of the brokers kafka1 to kafka3" ;;
  esac
}

# All parts that there may be, in the order in which they are ended.
parts() { echo kafka kafka1 kafka2 kafka3 postgres replica redis; }

# What the part's functions are named after.
family() { # PART
  case $1 in
    kafka[123]) echo broker ;;
    *) echo "$1" ;;
  esac
}

# The pair's own processes that run on this stack (deploy/demo starts them): service-draw-1 and so on.
services() {
  local folder
  for folder in "$dir"/service-*/; do
    if [[ -d $folder ]]; then basename "$folder"; fi
  done
}

# Makes the data folder and locks it: one stack command at a time. Sockets go to a folder of their own with a
# short name, because a Unix socket's path holds 107 bytes at most.
open_folder() {
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  [[ $dir != *[\'$'\n']* ]] || die "the data folder's name must not hold quotes: $dir"
  exec 9>"$dir/lock"
  flock -w 180 9 || die "another stack command holds $dir/lock for more than 180 s"
  if [[ ! -s $dir/short ]]; then
    mktemp -d /var/tmp/stock.XXXXXX >"$dir/short"
    chmod 711 "$(cat "$dir/short")"
  fi
  short=$(cat "$dir/short")
  # A cleaner of /var/tmp may have taken it.
  [[ -d $short ]] || die "$short, the stack's socket folder, is gone: run 'stack down --wipe' and start anew"
}

# Starts a part: on the port that it has, or the first time on one chosen now. Ports are chosen without
# reserving them, so when another process was quicker the next one is tried.
start_part() { # PART
  local part=$1 try
  started+=("$part")
  if [[ ! -e $dir/$part/prepared ]]; then
    "$(family "$part")_prepare" "$part"
    touch "$dir/$part/prepared"
  fi
  if [[ -s $dir/$part/port ]]; then
    if ! start_once "$part"; then
      explain "$part" "did not start again"
      exit 1
    fi
    return
  fi
  for try in 1 2 3 4 5; do
    free_port >"$dir/$part/port"
    if start_once "$part"; then return; fi
    grep -qi 'in use' "$dir/$part/log" || break
  done
  rm -f "$dir/$part/port"
  explain "$part" "did not start (try $try)"
  exit 1
}

start_once() { # PART
  "$(family "$1")_launch" "$1" || return 1
  if await_ready "$1" 90 "$(family "$1")_is_ready" "$1"; then return 0; fi
  if is_running "$1"; then end_process "$1" KILL 10 || true; fi
  return 1
}

stop_signal() { # PART
  case $1 in
    service-*) echo TERM ;;
    *) "$(family "$1")_stop_signal" ;;
  esac
}

stop_part() { # PART
  if end_process "$1" "$(stop_signal "$1")" 30; then return; fi
  echo "stack: $1 did not stop within 30 s: killed" >&2
  kill_part "$1"
}

kill_part() { # PART
  local children
  children=$(cat "/proc/$(pid_of "$1")/task/$(pid_of "$1")/children" 2>/dev/null || true)
  end_process "$1" KILL 10 || die "$1 (process $(pid_of "$1")) survives SIGKILL"
  await_children "$children"
}

# PostgreSQL's backends end by themselves when their parent is gone, and it cannot start again before.
await_children() { # PIDS
  local child limit=$((SECONDS + 10))
  for child in $1; do
    while [[ -d /proc/$child ]] && [[ $(process_fields "$child") != Z* ]] && ((SECONDS < limit)); do
      sleep 0.05
    done
  done
}

describe() { # PART
  local where=''
  if [[ -s $dir/$1/port ]]; then where="port $(cat "$dir/$1/port"), "; fi
  echo "${where}process $(pid_of "$1"), log $dir/$1/log"
}

wipe_folder() {
  if [[ $short == /var/tmp/stock.* ]]; then rm -rf "$short"; fi
  rm -rf "${dir:?}"/service-*/
  rm -rf "${dir:?}"/{redis,replica,postgres,kafka,kafka1,kafka2,kafka3,env,binaries,owner,short,lock}
  rmdir "$dir" 2>/dev/null || true
}

# Ends the stack when its owner has ended, however that happened. One watcher for each owner.
watch_owner() {
  if [[ -s $dir/owner && $(cat "$dir/owner") == "$owner" ]]; then return; fi
  echo "$owner" >"$dir/owner"
  # shellcheck disable=SC2016 # expanded by the inner shell
  setsid bash -c 'tail --pid="$1" -f /dev/null; exec "$2" down --wipe --dir "$3"' \
    watch "$owner" "$here/stack" "$dir" >/dev/null 2>&1 </dev/null 9>&- &
}
