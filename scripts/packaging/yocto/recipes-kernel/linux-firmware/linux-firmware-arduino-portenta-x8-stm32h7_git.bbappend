# Arduino's package of the M7's firmware has the stock units that program the M4, too. Here they become
# a package of their own: an image has either that or m4flash, which provides it, and in both cases the
# firmware and OpenOCD's configuration.
PACKAGES =+ "portenta-x8-m4-monitor"

FILES:portenta-x8-m4-monitor = " \
    ${systemd_system_unitdir}/monitor-m4-elf-file.path \
    ${systemd_system_unitdir}/monitor-m4-elf-file.service \
"
RDEPENDS:portenta-x8-m4-monitor = "${PN}"
RRECOMMENDS:${PN}:append = " portenta-x8-m4-monitor"

SYSTEMD_PACKAGES = "${PN} portenta-x8-m4-monitor"
SYSTEMD_SERVICE:${PN}:remove = "monitor-m4-elf-file.path monitor-m4-elf-file.service"
SYSTEMD_SERVICE:portenta-x8-m4-monitor = "monitor-m4-elf-file.path"
