# shellcheck shell=bash
# Installs what is missing from Debian, and says so first. Sourced; the caller sets $project.

say() { echo "== $*"; }

die() {
  echo "error: $*" >&2
  exit 1
}

is_installed() { # PACKAGE
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Kafka 4 needs Java 17. Any other Java of the user's, in JAVA_HOME or PATH, will do.
java_is_new() {
  local java=java version
  if [[ -n ${JAVA_HOME:-} ]]; then java=$JAVA_HOME/bin/java; fi
  version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p') || return 1
  [[ -n $version && $version -ge 17 ]]
}

need_swift() {
  command -v swift >/dev/null ||
    die "Swift 6.2 or later is not in PATH: get it from https://www.swift.org/install/linux/ (Debian 12)"
}

# Installs those of the given packages that are missing; as root, or through sudo.
need_packages() { # PACKAGE…
  local package
  local -a missing=()
  if [[ -n ${KAFKA_HOME:-} && -z ${KAFKA_BOOTSTRAP_SERVERS:-} ]] && ! java_is_new; then
    set -- "$@" openjdk-17-jre-headless
  fi
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  say "installing from Debian: ${missing[*]}"
  if [[ $EUID -eq 0 ]]; then
    "$project/deploy/lib/install-packages" "${missing[@]}"
  elif command -v sudo >/dev/null; then
    sudo "$project/deploy/lib/install-packages" "${missing[@]}"
  else
    die "neither root nor sudo: please have these Debian packages installed: ${missing[*]}"
  fi
}

# What both services are built from and what the local stack runs.
stack_packages=(
  librdkafka-dev libhiredis-dev libpq-dev libcurl4-openssl-dev pkg-config
  redis-server postgresql
)
