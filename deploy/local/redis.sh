# shellcheck shell=bash
# Redis from Debian's package: AOF on, nothing ever evicted.

redis_prepare() {
  command -v redis-server >/dev/null || die "redis-server is not installed (Debian package redis-server)"
  mkdir -p "$dir/redis/data"
}

redis_launch() {
  cat >"$dir/redis/redis.conf" <<TEXT
bind 127.0.0.1
port $(cat "$dir/redis/port")
unixsocket "$short/redis.sock"
unixsocketperm 700
dir "$dir/redis/data"
daemonize no
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
databases 1000
TEXT
  launch_server redis redis-server "$dir/redis/redis.conf"
}

redis_is_ready() {
  [[ -S $short/redis.sock && $(redis-cli -s "$short/redis.sock" ping 2>/dev/null) == PONG ]]
}

redis_stop_signal() { echo TERM; }

redis_environment() {
  variable SLIDING_STOCK_REDIS_HOST 127.0.0.1
  variable SLIDING_STOCK_REDIS_PORT "$(cat "$dir/redis/port")"
  variable SLIDING_STOCK_REDIS_SOCKET "$short/redis.sock"
  variable STACK_REDIS_PID "$(pid_of redis)"
}
