# What run, test, bench and format share: messages, packages, the build folder. Sourced by bash.
#
# Each script works from a fresh clone on a fresh Debian 12 (as root or with sudo) and does nothing
# that is already done.

export LC_ALL=C.UTF-8
# The system's own tools first: a Python or Meson of the user's must not build this.
export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' plain=''
fi

# heading TEXT: a stage begins.
heading()
{
    printf '\n%s== %s%s\n' "$bold" "$1" "$plain"
}

# die TEXT...: says on stderr what is wrong, a line each, and ends the script.
die()
{
    printf '%s\n' "${red}${0##*/}: $1$plain" "${@:2}" >&2
    exit 2
}

# ---- Packages (Debian's names) ----------------------------------------------------------------

# To build the programs and the tests.
packages_build=(
    gcc libc6-dev meson ninja-build pkgconf
    libsystemd-dev libelf-dev nettle-dev libssl-dev libjson-c-dev libinih-dev libseccomp-dev
    libcmocka-dev gcc-arm-none-eabi python3 scdoc
)

# To run the tests.
packages_test=(
    openocd python3-pytest systemd libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib
    dbus-daemon python3-dbus systemd-journal-remote man-db zsh adb jq procps
)

# To run the tests of the Arduino IDE's upload.
packages_ide=(arduino xvfb)

# To read the code.
packages_reading=(clang clang-format clang-tidy cppcheck shellcheck valgrind)

# To fuzz.
packages_fuzz=(clang libclang-rt-14-dev)

# To see a sketch being programmed.
packages_run=(openocd)

# To build the Debian package, and to look at it: what its debian/control says, and lintian.
packages_package=(
    build-essential debhelper dpkg-dev lintian
    bash-completion gcc-arm-none-eabi libelf-dev libinih-dev libjson-c-dev libseccomp-dev
    libsystemd-dev meson nettle-dev pkgconf scdoc systemd
)

# To boot a systemd in a container: for the tests of the whole system, and to measure beside it.
packages_container=(mmdebstrap systemd-container)

# To build for Arm and to run that here (scripts/arm64); the compilers are in a root of their own.
packages_arm64=(
    mmdebstrap qemu-user-static binfmt-support qemu-system-arm cpio zstd meson jq binutils python3
)

# missing_packages PACKAGE...: prints those that are not installed.
missing_packages()
{
    local package
    for package in "$@"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            echo "$package"
    done
}

# need_packages PACKAGE...: installs what is missing, and says so.
need_packages()
{
    local missing as_root=()

    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        need_commands
        return
    fi
    mapfile -t missing < <(missing_packages "$@")
    (( ${#missing[@]} )) || return 0

    if (( EUID != 0 )); then
        command -v sudo >/dev/null || die "these packages are missing, and there is no sudo to install them:" \
            "  apt-get install --no-install-recommends ${missing[*]}"
        as_root=(sudo)
    fi
    echo "Installing: ${missing[*]}"
    local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0)
    if ! { "${install[@]}" update && "${install[@]}" install --no-install-recommends "${missing[@]}"; } \
            >"$log_dir/packages.log" 2>&1 </dev/null; then
        tail -n 20 "$log_dir/packages.log" >&2
        die "the packages could not be installed; the whole of apt's output is in $log_dir/packages.log"
    fi
}

# need_commands: elsewhere than on Debian nothing is installed, only looked for.
need_commands()
{
    local command missing=()
    for command in gcc meson ninja pkg-config python3 arm-none-eabi-gcc; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    (( ${#missing[@]} == 0 )) || die "this is not Debian, so nothing is installed for you; missing: ${missing[*]}" \
        "Install them and the development files of libsystemd (250 or later), libelf, nettle," \
        "nettle, json-c, inih and cmocka, better also libseccomp, then try again."
}

# ---- Build folders ----------------------------------------------------------------------------

# configure DIR MESON-OPTION...: a build folder with these options; unchanged if it has them.
configure()
{
    local dir=$1 stamp=$1/configured-with
    if [[ -f $dir/build.ninja && $(cat "$stamp" 2>/dev/null) == "${*:2}" ]]; then
        return
    fi
    rm -rf "$dir"
    mkdir -p "$dir"
    meson setup "$dir" "${@:2}" >"$dir/configure.log" 2>&1 || {
        cat "$dir/configure.log" >&2
        return 1
    }
    echo "${*:2}" >"$stamp"
}

# build DIR [TARGET...]: quiet unless it fails.
build()
{
    ninja -C "$1" "${@:2}" >"$1/build.log" 2>&1 || {
        grep -v '^\[' "$1/build.log" >&2
        return 1
    }
}

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
log_dir=$PWD/build-logs
mkdir -p "$log_dir"
