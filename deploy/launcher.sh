#!/bin/sh
# @NAME@ @VERSION@, installed by `./jbang install`; `remote-settings-lambdas uninstall` removes it.
# Starts the command in its own JVM, from the copies in the folder $home.

home=@HOME@
java=@JAVA@

fail() {
  printf '%s: error: %s\nhint: %s\n' @NAME@ "$1" "$2" >&2
  exit 2
}

# Succeeds if $1 is the home of a Java 25 or newer.
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
  fail "its installed files are missing, or this user cannot read them: $home" 'install it again: ./jbang install FOLDER'
if ! is_java "$java"; then
  is_java "${JAVA_HOME-}" ||
    fail "the Java that it was installed for is missing, not accessible to this user, or older than 25: $java" \
      'install it again: ./jbang install FOLDER; until then set JAVA_HOME to a Java 25 or newer'
  java=$JAVA_HOME
fi
case $(locale charmap 2>/dev/null) in
  UTF-8) ;;
  *) export LC_ALL=C.UTF-8 ;; # cron sets no locale, and Java would read paths as ASCII
esac
# An archive that is missing, or was made by another Java, is ignored silently.
exec "$java/bin/java" @OPTIONS@ "-XX:AOTCache=$home/@NAME@.aot" -Xlog:disable \
  -cp "@CLASS_PATH@" @NAME@ "$@"
