# Lets ./jbang start a command without JBang, and fast, while nothing has changed. ./jbang reads this
# file, and goes through JBang each time where it cannot.
#
# Each command has a folder in ~/.cache/remote-settings-lambdas/starts, or below XDG_CACHE_HOME:
#
#   memo     JBang's command line, and everything that it was made from, as it was
#   XXXXXX/  belongs to that memo: the classes that the first runs have loaded; an archive of them,
#            which FastStart makes in the background of a later run; the command line that uses it

newline='
'
end="$newline---$newline" # of a part of a memo

# Succeeds if what is typed is a command of this folder and its arguments, and JBang is told nothing
# else: no option, no variable but those of its folders, no configuration. Sets $script to the path
# of the command, and $memory to its folder.
is_simple() {
  { [ "$at" -eq 1 ] && [ -z "$command" ]; } || return
  case ${JAVA_TOOL_OPTIONS-}${JDK_JAVA_OPTIONS-}${_JAVA_OPTIONS-} in *-X* | *@*) return 1 ;; esac
  case $newline$(unset JBANG_DIR JBANG_CACHE_DIR && set) in *"${newline}JBANG_"*) return 1 ;; esac
  folder=$PWD/
  while [ -n "$folder" ]; do
    folder=${folder%/*}
    [ ! -e "$folder/jbang.properties" ] && [ ! -e "$folder/.jbang/jbang.properties" ] || return
  done
  [ ! -e "$jbang_folder/jbang.properties" ] && [ -f "$script" ] || return
  case $script in */*) ;; *) script=./$script ;; esac
  [ "$(CDPATH='' cd -P -- "${script%/*}" && pwd)" = "$here" ] || return
  script=$here/${script##*/}
  old_ifs=$IFS
  set -f && IFS=/
  # shellcheck disable=SC2086 # its folders
  set -- ${script#/}
  IFS=,
  memory=$cache/starts/$*
  set +f && IFS=$old_ifs
  case $script$memory in *[:"$newline"]*) return 1 ;; esac # neither a list nor a class path has these
}

# Prints the files that the command is made of: itself, and what the //SOURCES and //FILES of each
# name. Fails if it cannot tell: a pattern, a folder, a variable, a URL, a missing file.
sources() {
  awk '
    function give_up() { print "/"; exit }
    function add(path) {
      while (sub(/[^\/]+\/\.\.\//, "", path)) { }
      if (!(path in known)) { known[path] = 1; paths[++count] = path }
    }
    BEGIN {
      add(ARGV[1])
      for (at = 1; at <= count; at++) {
        print paths[at]
        if (paths[at] !~ /\.java$/) continue
        folder = paths[at]
        sub(/[^\/]*$/, "", folder)
        while ((found = (getline line < paths[at])) > 0) {
          if (line !~ /^\/\/[A-Z]/) continue
          if (line ~ /[$][{]|[ \t]@/) give_up()
          if (line !~ /^\/\/(DEPS|SOURCES|FILES)/) continue
          if (line ~ /^\/\/DEPS( [^ :]+:[^ :]+:[^ ]+)+$/) continue
          if (line !~ /^\/\/(SOURCES( [A-Za-z0-9_.\/-]+\.java)+|FILES( [A-Za-z0-9_.\/=-]+)+)$/)
            give_up()
          words = split(line, word, " ")
          for (number = 2; number <= words; number++) {
            sub(/^.*=/, "", word[number])
            if (word[number] ~ /^\//) give_up()
            add(folder word[number])
          }
        }
        if (found < 0) give_up()
        close(paths[at])
      }
    }' "$script" | {
    all=''
    while IFS= read -r file; do
      [ -f "$file" ] || exit
      all=$all$file$newline
    done
    printf '%s' "$all"
  }
}

# Prints everything that the command line is made from, as it is now: where all is, what may change
# what JBang does, the content of the files $1, and size and times of the larger ones $2.
state() {
  IFS=$newline
  set -f
  printf '%s\n' "$here" "$HOME" "$JAVA_HOME" "$jbang_folder" "$jbang_cache" \
    "${JAVA_TOOL_OPTIONS-}" "${JDK_JAVA_OPTIONS-}" "${_JAVA_OPTIONS-}"
  # shellcheck disable=SC2086 # a line each
  {
    set -- "$2" $1 "$self" "$here/deploy/remember.sh" "$JAVA_HOME/release" \
      "$jbang_folder/currentjdk/release"
    larger=$1
    shift
    if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
    stat -Lc '%n %s %i %y %z' $larger || stat -Lf '%N %z %i %Fm %Fc' $larger # GNU or BSD
  } 2>/dev/null
}

# Sets $line to the command line that is remembered, and $kept to the folder that belongs to it.
# Fails unless everything that it was made from is as it was, and nobody else can have written it.
recall() {
  [ -O "$memory" ] && [ -O "$memory/memo" ] && [ ! -h "$memory/memo" ] || return
  memo=$(cat "$memory/memo") || return
  from=${memo%%"$end"*} memo=${memo#*"$end"}
  larger=${memo%%"$end"*} memo=${memo#*"$end"}
  kept=$memory/${memo%%"$newline"*} memo=${memo#*"$newline"}
  line=${memo%%"$newline"*} memo=${memo#*"$newline"}
  [ -n "$line" ] && [ "$memo" = "$(state "$from" "$larger")" ]
}

# Remembers that JBang's command line is $1, if what $from names is still as $before says.
remember() (
  line=$1
  case $line in *"$newline"*) exit ;; esac
  [ "$before" = "$(state "$from" '')" ] || exit
  eval "set -- $line" # as it is executed
  java=$1
  while [ "$1" != -classpath ]; do
    [ $# -gt 2 ] || exit
    shift
  done
  files=$2:$java:${java%/bin/java}/lib/modules:$jar larger=''
  set -f && IFS=:
  for file in $files; do
    [ -f "$file" ] || exit
    larger=$larger$file$newline
  done
  set +f && IFS=$newline
  now=$(state "$from" "$larger")
  case $now in *"  $script$newline"*"$newline$jar "*) ;; *) exit ;; esac # the tools are there
  umask 077
  mkdir -p "$memory" && [ -O "$memory" ] && kept=$(mktemp -d "$memory/XXXXXX") || exit
  printf '%s\n' "$from$end$larger$end${kept##*/}$newline$line$newline$now" >"$kept/memo" &&
    mv -f "$kept/memo" "$memory/memo" || rm -rf "$kept"
  for other in "$memory"/*/; do
    [ "$other" = "$kept/" ] || rm -rf "$other"
  done
  for other in "$cache"/starts/*/memo; do # of folders that have been moved or removed
    read -r command <"$other"
    [ -e "$command" ] || rm -rf "${other%/memo}"
  done
) 2>/dev/null

# Replaces this shell by the command that is remembered.
start_remembered() {
  shift
  record=''
  [ ! -w "$kept" ] || get_faster "$@"
  if IFS= read -r fast 2>/dev/null <"$kept/start"; then line=$fast; fi
  eval "set -- $line \"\$@\""
  java=$1
  shift
  exec "$java" ${record:+"$record"} "$@"
}

# Sets $record to the option that notes the classes of this run; two runs are enough, and one for
# help only if it is the first. Where such a run has ended, has its classes put into the archive.
get_faster() {
  lists=0 is_pending=false
  for list in "$kept"/*.classes; do
    [ -e "$list" ] || continue
    lists=$((lists + 1))
    run=${list##*/}
    [ "$kept/start" -nt "$list" ] || ! is_gone "${run%.classes}" || is_pending=true
  done
  enough=2
  case " $* " in *' --help '* | *' -h '* | *' --version '* | *' -V '*) enough=1 ;; esac
  if $is_pending; then
    make_archive
  elif [ "$lists" -lt "$enough" ]; then
    record=-XX:DumpLoadedClassList=$kept/$$.classes
  fi
}

# Has the archive made in the background, once at a time, by a process that nobody waits for: it
# holds no file of ours, has a session of its own and no variable, and so none of the secrets.
make_archive() {
  maker=$(readlink "$kept/maker")
  if [ -n "$maker" ]; then
    is_gone "$maker" || return
    rm -f "$kept/maker"
  fi
  (
    exec </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
    cd "$kept" || exit
    trap '' HUP INT QUIT
    ulimit -c 0
    eval "set -- $line"
    # an empty file `start`: there is no archive, and it is not tried again
    # shellcheck disable=SC2016,SC2046 # for the other shell; a word or none
    exec $(command -v setsid) sh -c 'ln -s "$$" maker || exit
      "$@" || : >start
      rm -f maker' sh nice -n 19 env -i "$1" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
      -XX:-UsePerfData -XX:ErrorFile="$kept/crash" -XX:-CreateCoredumpOnCrash \
      -cp "${larger%%"$newline"*}" "$here/deploy/FastStart.java" "$kept" "$@"
  ) &
}
