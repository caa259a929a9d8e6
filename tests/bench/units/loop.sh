#!/bin/sh
# The quickest that a shell can do: inotifywait stays, and OpenOCD is all that is started.
inotifywait -q -m -e close_write --format %f /tmp/loop |
    while read -r name; do
        [ "$name" = m4-user-sketch.elf ] || continue
        /bench/loop/openocd -f /usr/arduino/extra/openocd_script-imx_gpio.cfg \
            -c "program /tmp/loop/$name verify reset exit"
    done
