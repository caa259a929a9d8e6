# What m4flashd asks of OpenOCD (0.11 or 0.12): m4flash_program, m4flash_update, m4flash_release.
#
# OpenOCD's own `program` says nothing on the way, warns where it should fail (no flash bank at the
# address), and leaves the chip halted when something goes wrong, which on a Portenta X8 is a dead
# bridge. These procedures tell where they are in lines that begin with "m4flash: ", make sure of
# what they need before they erase anything, and let the chip run whatever happens.
#
# What crosses the wire is what costs time. If there is a routine for the chip (src/routine), it
# tells which sectors differ, builds their new content from the old one and the bytes that changed,
# and erases, writes and compares them itself. Where there is none, or anything about it fails,
# OpenOCD does all of it in its own way: no more clocks than `program FILE verify reset exit` takes.
#
# An image is a folder that m4flashd makes: start.bin, the routine, if there is one; sector-N.bin,
# the bytes of each sector; and plan, which appears when all of that is there and the chip may be
# changed, and says how. It is a Tcl dictionary, empty if there is no routine:
#   new      each sector's CRC-32, as it is to be (8 hexadecimal digits, as mdw prints them)
#   base     each sector's CRC-32, as the packets need it, or nothing if they need nothing
#   packets  the sectors of which sector-N.packet has what changed; of the others the routine gets
#            sector-N.bin, and sector-N.raw that says what to do with it
#   order    the sectors, in the order in which they are to be sent; first.packet goes last of all

# The first bytes of a sketch hold the stack pointer by which the M7 knows that there is one. They
# are written last, so that a sketch cut short by a power failure is never started. The number is a
# flash word of the STM32H7, and a multiple of the programming units of smaller chips.
set m4flash_first 32

proc m4flash_say {text} {
	echo "m4flash: $text"
}

# Begins a stage. If something in it fails, m4flash_fail names it.
proc m4flash_stage {name} {
	set ::m4flash_stage $name
	m4flash_say "stage $name"
}

# Every `reset` ends here: a chip that the board's configuration has reset is not reset once more.
set m4flash_halted 0
rename ocd_process_reset m4flash_process_reset
proc ocd_process_reset {mode} {
	set result [m4flash_process_reset $mode]
	set ::m4flash_halted [expr {$mode ne "run"}]
	return $result
}

# Reads the board's configuration, as the global code that it is, and connects as far as that did
# not. Once connected nobody asks for the chip's state in the background, which costs clocks.
proc m4flash_connect {config} {
	m4flash_stage connect
	if {$config ne ""} {
		uplevel #0 [list source [find $config]]
	}
	init
	if {!$::m4flash_halted} {
		reset halt
	}
	poll off
	m4flash_say connected
}

# The flash bank that holds size bytes from start, as its number and its first address.
proc m4flash_bank {start size} {
	set number 0
	set found -1
	set base -1
	foreach bank [flash list] {
		if {[dict get $bank base] <= $start && [dict get $bank base] > $base} {
			set base [dict get $bank base]
			set found $number
		}
		incr number
	}
	if {$found >= 0} {
		flash probe $found
		set bank [lindex [flash list] $found]
		if {$start + $size <= $base + [dict get $bank size]} {
			return [list $found $base]
		}
	}
	error [format "no flash bank holds 0x%08x to 0x%08x" $start [expr {$start + $size - 1}]]
}

proc m4flash_fill {bytes size} {
	return $bytes[string repeat "\xff" [expr {$size - [string bytelength $bytes]}]]
}

# The image up to its last byte that is not 0xFF, from the files of its sectors.
proc m4flash_image {image_dir sector_size n} {
	set image ""
	for {set sector 0} {$sector < $n} {incr sector} {
		set path $image_dir/sector-$sector.bin
		if {![file exists $path] || [file size $path] == 0} {
			continue
		}
		if {[file size $path] > $sector_size} {
			error "$path is larger than a sector"
		}
		set file [open $path r]
		set image [m4flash_fill $image [expr {$sector * $sector_size}]][$file read]
		$file close
	}
	return $image
}

# OpenOCD takes what it writes and compares from files only.
proc m4flash_file {image_dir bytes} {
	set file [open $image_dir/part.bin w]
	$file puts -nonewline $bytes
	$file close
	return $image_dir/part.bin
}

# By address, so that OpenOCD refuses what does not begin and end with a sector of the chip.
proc m4flash_erase {start sector_size n} {
	m4flash_stage erase
	for {set sector 0} {$sector < $n} {incr sector} {
		m4flash_say "sector $sector"
		flash erase_address [expr {$start + $sector * $sector_size}] $sector_size
	}
}

# Writes the bytes of image from first to last. The debugging output is OpenOCD's only sign of life
# meanwhile: "offs 0x3fe0 count 0x2401", every 16 KiB.
proc m4flash_write_part {bank offset image_dir image first last} {
	set part [string byterange $image $first $last]
	if {$part eq ""} {
		return
	}
	set path [m4flash_file $image_dir $part]
	set level [lindex [debug_level] end]
	debug_level [expr {$level > 3 ? $level : 3}]
	set failed [catch {flash write_bank $bank $path [expr {$offset + $first}]} message]
	debug_level $level
	if {$failed} {
		error $message
	}
}

proc m4flash_write {bank offset image_dir image} {
	set total [string bytelength $image]
	set first [expr {$total < $::m4flash_first ? $total : $::m4flash_first}]

	m4flash_stage write
	m4flash_say "progress 0 $total"
	m4flash_write_part $bank $offset $image_dir $image $first end
	m4flash_say "progress [expr {$total - $first}] $total"
	m4flash_write_part $bank $offset $image_dir $image 0 [expr {$first - 1}]
	m4flash_say "progress $total $total"
}

# One checksum, computed by the chip, for all that was erased; only if it is wrong, which sector is.
proc m4flash_verify {start image_dir image sector_size n} {
	set whole [m4flash_fill $image [expr {$n * $sector_size}]]

	m4flash_stage verify
	if {![catch {verify_image_checksum [m4flash_file $image_dir $whole] $start bin} message]} {
		return
	}
	for {set sector 0} {$sector < $n} {incr sector} {
		set first [expr {$sector * $sector_size}]
		set part [string byterange $whole $first [expr {$first + $sector_size - 1}]]
		m4flash_say "sector $sector"
		verify_image_checksum [m4flash_file $image_dir $part] [expr {$start + $first}] bin
	}
	error $message
}

# Nothing is erased, and no sector's file read, before m4flashd has said that it may be, by a file
# that appears whole: its record of what is being done must be safe from a power failure first.
proc m4flash_plan {image_dir} {
	while {![file exists $image_dir/plan]} {
		sleep 1
	}
	set file [open $image_dir/plan r]
	set plan [$file read]
	$file close
	if {$plan eq "refused"} {
		error "the daemon has refused this image"
	}
	return $plan
}

# ---- The routine's way -----------------------------------------------------------------------

# src/routine/mailbox.h has these numbers.
set m4flash_mailbox 0x20000000
set m4flash_entry   0x20000024
set m4flash_results 0x20000fc0
set m4flash_packet  0x20001000
set m4flash_buffer  0x24000000
set m4flash_errors  {{} {bad packet} {erase failed} {write failed} {verify failed}}
set m4flash_patience 30000

# Reads n words, as 8 hexadecimal digits each. mdw prints 8 in a line, behind their address.
proc m4flash_words {address n} {
	set words {}
	foreach line [split [string trim [mdw $address $n]] \n] {
		lappend words {*}[lrange $line 1 end]
	}
	if {[llength $words] != $n} {
		error "cannot read $n words at $address"
	}
	return $words
}

# Loads it, which makes it compute each sector's CRC-32, and lets it run. From here on the core is
# neither halted nor asked for its state, only memory is read and written.
proc m4flash_start {image_dir} {
	load_image $image_dir/start.bin $::m4flash_mailbox bin
	reg pc $::m4flash_entry
	resume
}

# Waits until the routine has done what it was asked for.
proc m4flash_answer {} {
	set start [ms]
	while {1} {
		lassign [m4flash_words $::m4flash_mailbox 4] request error address status
		if {$request eq "00000000"} {
			break
		}
		if {[ms] - $start > $::m4flash_patience} {
			error "the routine does not answer"
		}
		sleep 1
	}
	set text [lindex $::m4flash_errors [expr 0x$error]]
	if {$text ne ""} {
		error "$text at 0x$address, FLASH_SR = 0x$status"
	}
}

proc m4flash_survey {n} {
	m4flash_answer
	return [m4flash_words $::m4flash_results $n]
}

proc m4flash_ask {request} {
	mww $::m4flash_mailbox $request
}

# Has the routine bring one stretch of flash up to what the packet in that file says.
proc m4flash_send {path} {
	load_image $path $::m4flash_packet bin
	m4flash_ask 2
	m4flash_answer
}

# The same for a sector of which the routine gets every byte.
proc m4flash_send_raw {image_dir sector} {
	if {[file size $image_dir/sector-$sector.bin] > 0} {
		load_image $image_dir/sector-$sector.bin $::m4flash_buffer bin
	}
	m4flash_send $image_dir/sector-$sector.raw
}

# The sectors to send, in the plan's order: all, or those that differ.
proc m4flash_changed {plan found all} {
	set changed {}
	foreach sector [dict get $plan order] {
		if {$all || [lindex $found $sector] ne [lindex [dict get $plan new] $sector]} {
			lappend changed $sector
		}
	}
	return $changed
}

# Packets copy from what the chip should hold. If it does not hold that, they are of no use.
proc m4flash_packets {plan found} {
	set base [dict get $plan base]
	return [expr {$base eq "" || $base eq $found ? [dict get $plan packets] : ""}]
}

# Sector 0 comes first and its first bytes, without which nothing is started, last of all. The chip
# erases and writes sector by sector, so the two stages are one.
proc m4flash_send_all {image_dir plan changed packets} {
	set total 0
	set done 0
	foreach sector $changed {
		incr total [file size $image_dir/sector-$sector.bin]
	}
	m4flash_stage erase
	m4flash_stage write
	m4flash_say "progress 0 $total"
	foreach sector $changed {
		m4flash_say "sector $sector"
		if {$sector in $packets} {
			m4flash_send $image_dir/sector-$sector.packet
		} else {
			m4flash_send_raw $image_dir $sector
		}
		incr done [file size $image_dir/sector-$sector.bin]
		m4flash_say "progress $done $total"
	}
	if {0 in $changed} {
		m4flash_send $image_dir/first.packet
	}
}

proc m4flash_check_all {plan n} {
	m4flash_stage verify
	m4flash_ask 1
	set found [m4flash_survey $n]
	if {$found ne [dict get $plan new]} {
		error "checksum mismatch"
	}
}

proc m4flash_by_routine {image_dir n all} {
	m4flash_start $image_dir
	set found [m4flash_survey $n]
	set plan [m4flash_plan $image_dir]
	if {$plan eq ""} {
		error "there is no plan for it"
	}
	set changed [m4flash_changed $plan $found $all]
	if {$changed eq ""} {
		m4flash_say unchanged
		return
	}
	m4flash_send_all $image_dir $plan $changed [m4flash_packets $plan $found]
	m4flash_check_all $plan $n
}

# ---- OpenOCD's way ---------------------------------------------------------------------------

# True if the chip holds all of that already. A difference is no error here, so nothing is said of it.
proc m4flash_holds {start image_dir image size} {
	set level [lindex [debug_level] end]
	debug_level -1
	set differs [catch {
		verify_image_checksum [m4flash_file $image_dir [m4flash_fill $image $size]] $start bin
	}]
	debug_level $level
	return [expr {!$differs}]
}

proc m4flash_reset {} {
	m4flash_stage reset
	reset run
	m4flash_say released
}

# What went wrong, without OpenOCD's trace of where.
proc m4flash_reason {message} {
	regsub {^[^\n]*:[0-9]+: Error: } $message "" message
	return [lindex [split $message \n] 0]
}

# True if a chip has answered: it may have been halted since.
proc m4flash_met_chip {} {
	return [expr {[command mode] eq "exec" && ![catch {[target current] was_examined} met] && $met}]
}

# OpenOCD 0.11 resets a chip that is gone without complaint, so this reads something afterwards: the
# CPUID register, which every Cortex-M has. To ask for the core's state would be to meddle with it.
proc m4flash_let_run {} {
	reset run
	[target current] mdw 0xe000ed00
}

proc m4flash_fail {message} {
	m4flash_say [string trimright "error $::m4flash_stage [m4flash_reason $message]"]
	if {[m4flash_met_chip] && ![catch {m4flash_let_run}]} {
		m4flash_say released
	}
	shutdown error
}

proc m4flash_run {body} {
	if {[catch {uplevel 1 $body} message]} {
		m4flash_fail $message
	}
	m4flash_stage done
	shutdown
}

proc m4flash_by_openocd {image_dir start sector_size n all} {
	set size [expr {$n * $sector_size}]
	m4flash_plan $image_dir
	set image [m4flash_image $image_dir $sector_size $n]
	lassign [m4flash_bank $start $size] bank base

	if {!$all && [m4flash_holds $start $image_dir $image $size]} {
		m4flash_say unchanged
		return
	}
	m4flash_erase $start $sector_size $n
	m4flash_write $bank [expr {$start - $base}] $image_dir $image
	m4flash_verify $start $image_dir $image $sector_size $n
}

# The routine's way, if there is one. Whatever goes wrong with it, OpenOCD's own way is left.
proc m4flash_bring {config image_dir start sector_size n all} {
	m4flash_run {
		m4flash_connect $config
		if {![file exists $image_dir/start.bin]} {
			m4flash_by_openocd $image_dir $start $sector_size $n $all
		} elseif {[catch {m4flash_by_routine $image_dir $n $all} message]} {
			set touched [expr {$::m4flash_stage ne "connect"}]
			m4flash_say "again without the routine on the chip: [m4flash_reason $message]"
			reset halt
			m4flash_by_openocd $image_dir $start $sector_size $n [expr {$all || $touched}]
		}
		m4flash_reset
	}
}

# Brings the n sectors from start on to what the files sector-N.bin in image_dir hold (N from 0; what
# is missing is 0xFF), and lets the chip run. Nothing else is erased or written.
proc m4flash_program {config image_dir start sector_size n} {
	m4flash_bring $config $image_dir $start $sector_size $n 1
}

# The same, but what the chip holds already is not touched, only let run anew.
proc m4flash_update {config image_dir start sector_size n} {
	m4flash_bring $config $image_dir $start $sector_size $n 0
}

# Lets the chip run that an earlier run may have left halted.
proc m4flash_release {config} {
	m4flash_run {
		m4flash_connect $config
		m4flash_reset
	}
}

# Not the last procedure's name, which OpenOCD would print.
return
