# shellcheck shell=bash
# FOLDER/env: what clients of the stack need. SLIDING_STOCK_… are settings of the two services; STACK_… are for scripts.

variable() { # NAME VALUE
  printf "export %s='%s'\n" "$1" "$2"
}

# Written beside and moved into place, so that a reader never sees half of it.
write_environment() {
  local part
  {
    variable STACK_DIR "$dir"
    for part in redis replica postgres kafka; do
      if [[ -s $dir/$part/pid ]]; then "${part}_environment"; fi
    done
    if [[ -s $dir/kafka1/pid ]]; then brokers_environment; fi
    # Of the pair itself, when it runs on the stack: where it is reached, and its programs.
    if [[ -s $dir/service-draw-1/port ]]; then
      variable DRAW_URL "http://127.0.0.1:$(cat "$dir/service-draw-1/port")"
    fi
    if [[ -s $dir/binaries ]]; then
      printf "export PATH='%s':\"\$PATH\"\n" "$(cat "$dir/binaries")"
    fi
  } >"$dir/env.new"
  mv -f "$dir/env.new" "$dir/env"
}
