# The two Debian roots of scripts/arm64, in build-cross. Sourced by bash, after common.sh.
#
# Both are of the release as it came out, without its updates: there every library has the same
# version for all architectures, which Debian demands of what is installed side by side.
roots=$PWD/build-cross

# debian_mirror: the one that this machine's apt uses.
debian_mirror()
{
    local uri
    # shellcheck disable=SC2016    # apt's own names
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
        'Codename: bookworm' 'Component: main' | head -n 1)
    [[ -n $uri ]] || die "this machine's apt knows no mirror of Debian 12 (bookworm)"
    echo "deb $uri bookworm main"
}

# for_each ARCHITECTURE,... PACKAGE...: PACKAGE:ARCHITECTURE of each, with commas.
for_each()
{
    local architecture package list=()
    for architecture in ${1//,/ }; do
        for package in "${@:2}"; do
            list+=("$package:$architecture")
        done
    done
    (IFS=,; echo "${list[*]}")
}

# make_root NAME MMDEBSTRAP-OPTION...: once, and anew when the options are others.
make_root()
{
    local root=$roots/$1 stamp=$roots/$1.made-with log=$log_dir/root-$1.log
    if [[ -d $root && $(cat "$stamp" 2>/dev/null) == "${*:2}" ]]; then
        return
    fi
    echo "Making a Debian in build-cross/$1; that takes minutes, and is kept"
    mkdir -p "$roots"
    rm -rf --one-file-system "$root" "$stamp"
    if ! mmdebstrap "${@:2}" bookworm "$root" "$(debian_mirror)" >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        die "there is no root for $1; the whole of mmdebstrap's output is in $log"
    fi
    echo "${*:2}" >"$stamp"
}

# Cross compilers, and the libraries to build with and to run with. Of newlib only what the test
# sketches are linked with: it has 2 GB for other cores.
make_tools_root()
{
    local libraries=(libc6-dev libsystemd-dev libelf-dev nettle-dev libssl-dev libjson-c-dev
        libinih-dev libseccomp-dev libcmocka-dev pkgconf)
    local tools=gcc,libc6-dev,gcc-aarch64-linux-gnu,gcc-arm-linux-gnueabihf,meson,ninja-build
    tools+=,python3,scdoc,systemd,gcc-arm-none-eabi,libnewlib-arm-none-eabi
    tools+=,libstdc++-arm-none-eabi-newlib
    make_root tools --variant=apt --architectures=amd64,arm64,armhf \
        "--include=$tools,$(for_each arm64,armhf "${libraries[@]}")" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/lib/arm-none-eabi/newlib/arm/*' \
        --dpkgopt='path-exclude=/usr/lib/arm-none-eabi/newlib/thumb/*' \
        --dpkgopt='path-include=/usr/lib/arm-none-eabi/newlib/thumb/v6-m/*' \
        --dpkgopt='path-include=/usr/lib/arm-none-eabi/newlib/thumb/v[78]*'
}

# What is to boot: an arm64 Debian with its kernel as /vmlinuz, and armhf's libraries for the test
# programs of that. Nothing of m4flash is in it.
make_system_root()
{
    local libraries=(libc6 libsystemd0 libelf1 libnettle8 libssl3 libjson-c5 libinih1
        libseccomp2 libcmocka0)
    local programs=systemd,systemd-sysv,dbus,openocd,python3
    # shellcheck disable=SC2016    # $1 and MMDEBSTRAP_APT_CONFIG are the hook's
    make_root system --variant=minbase --architectures=arm64,armhf \
        "--include=$programs,$(for_each arm64,armhf "${libraries[@]}")" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --customize-hook='
            export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
            kernel=$(apt-cache depends linux-image-cloud-arm64 |
                sed -n "s/^ *Depends: //p" | head -n 1)
            cd "$1/tmp" && apt-get download "$kernel" &&
                dpkg-deb --fsys-tarfile "${kernel%:*}"_*.deb |
                tar -xO --wildcards "./boot/vmlinuz-*" >"$1/vmlinuz" && rm -- *.deb'
}
