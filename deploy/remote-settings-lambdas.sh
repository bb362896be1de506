#!/bin/sh
# remote-settings-lambdas @VERSION@, installed by `./jbang install`; its `uninstall` removes it.
# Lists the commands that were installed with it, and runs them by name.

home=@HOME@
folder=@FOLDER@

case ${1-} in
  @COMMANDS@)
    command=$folder/$1
    shift
    exec "$command" "$@"
    ;;
  '' | -h | --help)
    cat "$home/help.txt"
    ;;
  --version)
    echo 'remote-settings-lambdas @VERSION@'
    ;;
  completion)
    cat "$home/completion.sh"
    ;;
  uninstall)
    # From here on an installation that is running fails, because its files are gone; another that
    # begins makes new ones.
    hidden=${home%/*}
    gone=$hidden.removed-$$
    mkdir "$gone" || exit 2
    mv "$hidden" "$gone/" 2>/dev/null || [ ! -e "$hidden" ] || exit 2
    for name in @NAMES@ remote-settings-lambdas; do
      # keeps a file of that name that was not installed by this program
      case $(sed -n 2p "$folder/$name" 2>/dev/null) in
        "# $name "*', installed by '*) ;;
        *) continue ;;
      esac
      mv "$folder/$name" "$gone/" || [ ! -e "$folder/$name" ] || exit 2
      # puts it back if a new installation has replaced it meanwhile
      version=$(sed -n "/^home=/{s|.*/||;s|'||g;p;}" "$gone/$name")
      [ ! -e "$hidden/$version" ] || ln "$gone/$name" "$folder/$name" 2>/dev/null
    done
    rm -rf "$hidden".removed-* || exit 2
    echo "Removed the commands of remote-settings-lambdas @VERSION@ from $folder"
    exit
    ;;
  *)
    # shows only printable characters of the name, which cannot control a terminal
    name=$(printf '%s' "$1" | LC_ALL=C tr -cd '[:print:]' | cut -c 1-80)
    printf 'remote-settings-lambdas: error: unknown command "%s"\n' "$name" >&2
    printf 'hint: remote-settings-lambdas --help lists the commands\n' >&2
    exit 2
    ;;
esac
