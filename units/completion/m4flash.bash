# bash completion for m4flash
#
# What there is to complete is asked of the program itself: --help tells its commands, each
# command's options, and by a word in capitals what kind of argument is wanted. So this file has no
# lists that could be out of date.

# _m4flash_help [COMMAND]: the help text of the program whose name stands in the line.
_m4flash_help()
{
    "${COMP_WORDS[0]}" "$@" --help 2>/dev/null </dev/null
}

# _m4flash_commands: one a line.
_m4flash_commands()
{
    local line listed=no
    while IFS= read -r line; do
        [[ $line == "Commands:" ]] && listed=yes
        [[ $line == "" ]] && listed=no
        [[ $listed == yes && $line =~ ^\ \ ([a-z]+)\  ]] && echo "${BASH_REMATCH[1]}"
    done < <(_m4flash_help)
}

# _m4flash_options [COMMAND]: "OPTION [KIND]" a line; KIND is in brackets if it may be left out.
_m4flash_options()
{
    local line option='^ +((-[a-zA-Z]), )?(--[a-z0-9-]+)( ?([][A-Z|=]+))?(  |$)'
    while IFS= read -r line; do
        [[ $line =~ $option ]] || continue
        [[ ${BASH_REMATCH[2]} ]] && echo "${BASH_REMATCH[2]} ${BASH_REMATCH[5]}"
        echo "${BASH_REMATCH[3]} ${BASH_REMATCH[5]}"
    done < <(_m4flash_help "$@")
}

# _m4flash_arguments COMMAND: the kinds of what is no option, a word each, from the usage line.
_m4flash_arguments()
{
    local usage
    IFS= read -r usage < <(_m4flash_help "$1")
    usage=${usage#"Usage: m4flash $1"}
    # What is left without the options and their arguments.
    sed -E 's/\[?--?[a-z0-9-]+( \[?[A-Z|]+\]?)?//g; s/[^A-Z]+/ /g' <<<"$usage"
}

# _m4flash_profiles: the names of the boards that are known.
_m4flash_profiles()
{
    local profile
    for profile in "${M4FLASH_BOARDS_DIR:-/usr/share/m4flash/boards}"/*.conf; do
        [[ ! -e $profile ]] || basename "$profile" .conf
    done
}

# _m4flash_values KIND...: possible arguments, if they can be had cheaply.
_m4flash_values()
{
    local kind word=${COMP_WORDS[COMP_CWORD]}
    for kind in "$@"; do
        case $kind in
            *FILE*) compgen -f -- "$word" ;;
            *DIR*) compgen -d -- "$word" ;;
            *HOST*) compgen -A hostname -- "$word" ;;
            *SERIAL*) compgen -W "$(adb devices 2>/dev/null | sed -n '2,$s/\t.*//p')" -- "$word" ;;
            BOARD) compgen -W "$(_m4flash_profiles)" -- "$word" ;;
            ID) compgen -W "$("${COMP_WORDS[0]}" history --json 2>/dev/null |
                    sed -En 's/^\{"id": ?([0-9]+),.*/\1/p')" -- "$word" ;;
        esac
    done
}

_m4flash()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' kind=''
    local option argument
    local -A kinds=()

    (( COMP_CWORD < 2 )) || command=${COMP_WORDS[1]}
    while read -r option argument; do
        kinds[$option]=$argument
    done < <(_m4flash_options ${command:+"$command"})
    [[ ! $command || $before != -* ]] || kind=${kinds[$before]:-}
    [[ $before != @(-b|--board) ]] || kind="BOARD FILE"

    COMPREPLY=()
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "${!kinds[*]}" -- "$word")
    elif [[ ! $command ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_m4flash_commands)" -- "$word")
    else
        # An argument that may be left out may be followed by one of the command's.
        [[ $kind && $kind != "["* ]] || kind+=" $(_m4flash_arguments "$command")"
        mapfile -t COMPREPLY < <(read -ra words <<<"$kind" && _m4flash_values "${words[@]}")
    fi
}

complete -o filenames -F _m4flash m4flash
