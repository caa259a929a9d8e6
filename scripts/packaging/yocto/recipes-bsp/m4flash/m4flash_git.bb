SUMMARY = "Programs sketches into the M4 core of an Arduino Portenta X8"
DESCRIPTION = "Takes the place of the board's stock service monitor-m4-elf-file: checks each upload \
before it is programmed, programs only what changed, and reports every outcome."
SECTION = "console/utils"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://LICENSE;md5=f9cc0abf08ba4ef9830a3672a5c26532"

# Where your copy of the repository is, and which commit of it: README.md beside the recipes.
M4FLASH_REPOSITORY ?= "git://example.org/m4flash.git;protocol=https;branch=main"
SRC_URI = "${M4FLASH_REPOSITORY}"
PV = "0.1.0+git"
S = "${WORKDIR}/git"

inherit meson pkgconfig systemd useradd bash-completion features_check

REQUIRED_DISTRO_FEATURES = "systemd"

DEPENDS = "elfutils json-c libinih nettle openssl systemd"
RDEPENDS:${PN} = "openocd"
RRECOMMENDS:${PN} = "dbus"

# Without routines every upload is programmed whole; with them the layer has to have the compiler that
# builds the M7's firmware, too.
PACKAGECONFIG ??= "seccomp routines"
PACKAGECONFIG[seccomp] = "-Dseccomp=enabled,-Dseccomp=disabled,libseccomp"
PACKAGECONFIG[routines] = "-Droutines=enabled,-Droutines=disabled,gcc-arm-none-eabi-native"
PACKAGECONFIG[manpages] = "-Dman=enabled,-Dman=disabled,scdoc-native"

EXTRA_OEMESON = " \
    -Dtests=false \
    -Dwerror=false \
    -Dsystemd_unit_dir=${systemd_system_unitdir} \
    -Dtmpfiles_dir=${nonarch_libdir}/tmpfiles.d \
"

SYSTEMD_SERVICE:${PN} = "monitor-m4-elf-file.service"

# What units/m4flash.sysusers.conf says, for images whose /etc is made at build time.
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system m4flash"
USERADD_PARAM:${PN} = "--system --user-group --no-create-home --home-dir / --shell /sbin/nologin m4flash-checker"

PACKAGES =+ "${PN}-zsh-completion"
FILES:${PN}-zsh-completion = "${datadir}/zsh"
FILES:${PN} += " \
    ${systemd_system_unitdir} \
    ${nonarch_libdir}/systemd/catalog \
    ${nonarch_libdir}/sysusers.d \
    ${nonarch_libdir}/tmpfiles.d \
    ${datadir}/dbus-1 \
"

# The stock units, which have the same names: a package of their own by the bbappend beside this.
RPROVIDES:${PN} = "portenta-x8-m4-monitor"
RCONFLICTS:${PN} = "portenta-x8-m4-monitor"
RREPLACES:${PN} = "portenta-x8-m4-monitor"
