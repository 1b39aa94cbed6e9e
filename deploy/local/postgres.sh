# shellcheck shell=bash
# PostgreSQL from Debian's package, run directly and never as Debian's own cluster. It refuses to run as root: then it
# is user postgres, with its data in the short folder, for that user may not get below root's home.
# Anyone on this machine may connect as its superuser: it holds a trial's data and listens on 127.0.0.1 only.

postgres_programs() {
  local server
  server=$(find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null | sort -V | tail -n 1)
  [[ -n $server ]] || die "PostgreSQL is not installed (Debian package postgresql)"
  dirname "$server"
}

postgres_data() {
  if [[ $EUID -eq 0 ]]; then echo "$short/pg/data"; else echo "$dir/postgres/data"; fi
}

# Runs a command as the user that the server runs as.
as_postgres() {
  if [[ $EUID -eq 0 ]]; then
    setpriv --reuid=postgres --regid=postgres --init-groups "$@"
  else
    "$@"
  fi
}

postgres_prepare() {
  local programs data
  programs=$(postgres_programs)
  data=$(postgres_data)
  rm -rf "$data"
  mkdir -p "$short/pg"
  if [[ $EUID -eq 0 ]]; then chown postgres:postgres "$short/pg"; fi
  (cd / && as_postgres "$programs/initdb" -D "$data" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
    --no-sync --no-instructions >"$dir/postgres/initdb.log" 2>&1) || {
    tail -n 15 "$dir/postgres/initdb.log" >&2
    die "initdb failed"
  }
}

# After SIGKILL nobody may have reaped the old server yet: PostgreSQL would take that zombie for a running one.
postgres_forget_zombie() {
  local file pid fields
  file=$(postgres_data)/postmaster.pid
  [[ -s $file ]] || return 0
  read -r pid <"$file"
  fields=$(process_fields "$pid") || return 0
  if [[ $fields == Z* ]]; then rm -f "$file" "$short/pg"/.s.PGSQL.*; fi
}

postgres_launch() {
  local programs
  programs=$(postgres_programs)
  postgres_forget_zombie
  # Not a word of the caller's PGDATA, PGPORT or PGOPTIONS.
  # shellcheck disable=SC2086 # a list of names
  unset ${!PG@}
  (
    cd /
    declare -a server=("$programs/postgres" -D "$(postgres_data)" -p "$(cat "$dir/postgres/port")" -k "$short/pg"
      -c listen_addresses=127.0.0.1 -c max_connections=100 -c shared_buffers=64MB -c timezone=UTC -c log_timezone=UTC)
    if [[ $EUID -eq 0 ]]; then
      server=(setpriv --reuid=postgres --regid=postgres --init-groups "${server[@]}")
    fi
    launch_server postgres "${server[@]}"
  )
}

postgres_psql() { # ARGUMENTS of psql
  "$(postgres_programs)/psql" -X -q -A -t -h "$short/pg" -p "$(cat "$dir/postgres/port")" -U postgres "$@"
}

# Ready is: it answers, and the database is there (made on the first start).
postgres_is_ready() {
  local there
  [[ -S $short/pg/.s.PGSQL.$(cat "$dir/postgres/port") ]] || return 1
  there=$(postgres_psql -d postgres -c "SELECT count(*) FROM pg_database WHERE datname = 'sliding_stock'" 2>/dev/null) ||
    return 1
  [[ $there == 1 ]] || postgres_psql -d postgres -c 'CREATE DATABASE sliding_stock' >/dev/null 2>&1
}

# SIGTERM would wait until every client has left; SIGINT ends their sessions first. What is wiped afterwards needs no
# last checkpoint either: SIGQUIT.
postgres_stop_signal() {
  if [[ $wipe == yes ]]; then echo QUIT; else echo INT; fi
}

postgres_environment() {
  local port
  port=$(cat "$dir/postgres/port")
  variable SLIDING_STOCK_POSTGRES_CONNECTION "host=$short/pg port=$port dbname=sliding_stock user=postgres"
  variable STACK_POSTGRES_TCP "host=127.0.0.1 port=$port dbname=sliding_stock user=postgres"
  variable STACK_POSTGRES_PORT "$port"
  variable STACK_POSTGRES_PID "$(pid_of postgres)"
}
