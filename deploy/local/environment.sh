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
    for part in redis postgres kafka; do
      if [[ -s $dir/$part/pid ]]; then "${part}_environment"; fi
    done
  } >"$dir/env.new"
  mv -f "$dir/env.new" "$dir/env"
}
