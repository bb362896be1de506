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

# Tells --help how wide the terminal is, because Java takes long to find out.
case " $* " in
  *' --help '* | *' -h '*)
    if [ -t 1 ] && [ -z "${COLUMNS-}" ] && COLUMNS=$(stty size 2>/dev/null </dev/tty); then
      export COLUMNS="${COLUMNS#* }"
    fi
    ;;
esac

# Java does not start with options that contradict those of the environment.
options='@OPTIONS@'
archive=-XX:AOTCache=$home/@NAME@.aot # Java ignores one that is missing or that another Java made
chosen="${JAVA_TOOL_OPTIONS-} ${JDK_JAVA_OPTIONS-} ${_JAVA_OPTIONS-}"
case $chosen in
  *-XX:+Use*GC* | *-XX:Flags=* | *-XX:VMOptionsFile=* | *@*)
    options=${options%%-XX:+UseSerialGC*}${options#*-XX:+UseSerialGC}
    ;;
esac
case $chosen in
  *-Xshare* | *-XX:AOT* | *Archive* | *-XX:Flags=* | *-XX:VMOptionsFile=* | *@*) archive= ;;
esac

# Tells the command to end; it then says what it has done so far. A Java that is just starting has
# done nothing yet, and would print a stack trace: it is killed.
stop() {
  stopped=$1 signal=TERM
  [ "${!:-0}" -gt 0 ] || exit "$1"
  if [ -d "/proc/$!/task" ]; then
    has_begun || signal=KILL
  else
    sleep 0.1 2>/dev/null # macOS has no /proc
  fi
  kill -s "$signal" "$!" 2>/dev/null || exit "$1"
}

# Succeeds if Java has a thread of the name that LaunchedCommand gives to its own.
has_begun() {
  for thread in "/proc/$!/task"/*; do
    read -r thread 2>/dev/null <"$thread/comm" && [ "$thread" = command ] && return
  done
  return 1
}

# Java runs in the background, because a shell that waits for a background process acts on signals
# at once. Such a process loses stdin and ignores Ctrl-C.
stopped=
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 131' QUIT
trap 'stop 143' TERM
{ true 9<&0; } 2>/dev/null || exec </dev/null
{
  # shellcheck disable=SC2086 # several options
  "$java/bin/java" $options ${archive:+"$archive"} -Xlog:disable -XX:+DisplayVMOutputToStderr \
    -cp "@CLASS_PATH@" LaunchedCommand @NAME@ "$@" <&9 9<&- &
} 9<&0
wait "$!" 2>/dev/null
code=$?
while kill -0 "$!" 2>/dev/null; do # a signal has ended the wait
  wait "$!" 2>/dev/null
  code=$?
done
[ -z "$stopped" ] || exit "$stopped"

case $code in
  129 | 130 | 141 | 143) exit "$code" ;; # ended by a signal itself, or its reader has gone away
  10[0-2]) exit $((code - 100)) ;; # by LaunchedCommand; Java itself may end with 0 or 1
esac
hint='look at JAVA_TOOL_OPTIONS, JDK_JAVA_OPTIONS and _JAVA_OPTIONS, which change how Java starts'
[ "$chosen" != '  ' ] ||
  hint='look at the free memory, the limits (ulimit -a) and the working directory, or install it again'
fail "Java did not start, or failed before there was a verdict (exit code $code)" "$hint"
