#!/bin/sh
# @NAME@ @VERSION@, installed by `./jbang install`; `remote-settings-lambdas uninstall` removes it.
# Starts the command in a JVM of its own, from what was copied into a folder beside it.

home=@HOME@
java=@JAVA@

fail() {
  printf '%s: error: %s\nhint: %s\n' @NAME@ "$1" "$2" >&2
  exit 2
}

# Is $1 the home of a Java that is new enough?
is_java() {
  [ -x "$1/bin/java" ] && [ -r "$1/release" ] || return 1
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      JAVA_VERSION=*)
        line=${line#*=}
        line=${line#\"}
        line=${line%%[!0-9]*}
        [ "${line:-0}" -ge 25 ]
        return
        ;;
    esac
  done <"$1/release"
  return 1
}

[ -r "$home/lib/@JAR@" ] ||
  fail "what it was installed with is gone, or closed to this user: $home" 'install it again: ./jbang install FOLDER'
if ! is_java "$java"; then
  is_java "${JAVA_HOME-}" ||
    fail "the Java that it was installed for is gone, closed to this user, or older than 25: $java" \
      'install it again: ./jbang install FOLDER; until then set JAVA_HOME to a Java 25 or newer'
  java=$JAVA_HOME
fi
case $(locale charmap 2>/dev/null) in
  UTF-8) ;;
  *) export LC_ALL=C.UTF-8 ;; # as under cron: else Java reads paths as ASCII
esac
# An archive that is missing, or another Java's, is not used, and nothing is said of it.
exec "$java/bin/java" @OPTIONS@ "-XX:AOTCache=$home/@NAME@.aot" -Xlog:disable \
  -cp "@CLASS_PATH@" @NAME@ "$@"
