# shellcheck shell=bash
# Figures of a benchmark: gathered round by round in $dir/figures, a name and a value a line. Bench makes the tables of
# them, and the pictures of $dir/points, lines of picture, series, x and y. Sourced.

note() { # NAME VALUE
  [[ $2 =~ ^[0-9.]+(e[+-]?[0-9]+)?$ ]] || die "no figure for $1: '$2'"
  echo "$1 $2" >>"$dir/figures"
}

point() { # PICTURE SERIES X Y
  echo "$1 $2 $3 $4" >>"$dir/points"
}

calc() { # EXPRESSION of awk
  awk "BEGIN { printf \"%.6g\", $1 }"
}

# The value of this round.
latest() { # NAME
  awk -v name="$1" '$1 == name { value = $2 } END { print value }' "$dir/figures"
}

# The value of a line "NAME VALUE" that Bench has printed.
told() { # NAME
  awk -v name="$1" '$1 == name { value = $2 } END { print value }' "$dir/told"
}

# What was promised did not hold: the run goes on, and ends with status 1.
broken() { # WORDS
  echo "$*" >>"$dir/broken"
  say "PROMISE BROKEN: $*"
}

# The figures so far, as tables and as JSON.
report() { # OPTIONS of Bench report
  print_conditions >"$dir/conditions"
  if [[ -n $json ]]; then set -- "$@" --json "$json"; fi
  "$bench" report --figures "$dir/figures" --conditions "$dir/conditions" "$@"
}
