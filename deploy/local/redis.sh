# shellcheck shell=bash
# Redis from Debian's package: AOF on, nothing ever evicted. And, only when asked for by name, a replica of it.

redis_prepare() {
  command -v redis-server >/dev/null || die "redis-server is not installed (Debian package redis-server)"
}

replica_prepare() {
  is_running redis || die "the replica needs a running redis: start that first"
}

redis_launch() { launch_redis redis; }

# Each start makes it a replica again, of the redis of this stack.
replica_launch() {
  [[ -s $dir/redis/port ]] || die "the replica needs a redis in $dir"
  launch_redis replica "replicaof 127.0.0.1 $(cat "$dir/redis/port")"
}

# A replica is there as soon as it asks, and while nobody replicates the history of the data keeps its name.
launch_redis() { # PART [MORE LINES]
  mkdir -p "$dir/$1/data"
  cat >"$dir/$1/redis.conf" <<TEXT
bind 127.0.0.1
port $(cat "$dir/$1/port")
unixsocket "$short/$1.sock"
unixsocketperm 700
dir "$dir/$1/data"
daemonize no
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
databases 1000
repl-diskless-sync-delay 0
repl-backlog-ttl 0
${2:-}
TEXT
  # What a test wants besides.
  if [[ -f $dir/$1/more.conf ]]; then cat "$dir/$1/more.conf" >>"$dir/$1/redis.conf"; fi
  launch_server "$1" redis-server "$dir/$1/redis.conf"
}

redis_is_ready() { redis_answers redis; }

# Ready is: it has all that the other one has.
replica_is_ready() {
  redis_answers replica && redis-cli -s "$short/replica.sock" info replication | grep -q '^master_link_status:up'
}

redis_answers() { # PART
  [[ -S $short/$1.sock && $(redis-cli -s "$short/$1.sock" ping 2>/dev/null) == PONG ]]
}

redis_stop_signal() { echo TERM; }

replica_stop_signal() { echo TERM; }

redis_environment() {
  variable SLIDING_STOCK_REDIS_HOST 127.0.0.1
  variable SLIDING_STOCK_REDIS_PORT "$(cat "$dir/redis/port")"
  variable SLIDING_STOCK_REDIS_SOCKET "$short/redis.sock"
  variable STACK_REDIS_PID "$(pid_of redis)"
}

replica_environment() {
  variable STACK_REPLICA_PORT "$(cat "$dir/replica/port")"
  variable STACK_REPLICA_SOCKET "$short/replica.sock"
  variable STACK_REPLICA_PID "$(pid_of replica)"
}
