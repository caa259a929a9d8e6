/*
 * What a process that waits for long need not hold. Costs a few page faults, answered from the page
 * cache, when it is at work again.
 */
#pragma once

/*
 * Lets go of free memory (malloc_trim(3)), and of the pages of programs and libraries, which the
 * kernel maps 16 at a time around each that is used: read-only and unchanged ones alone, which it
 * has in the file. The kernel can then take them for others without looking who still uses them.
 */
void footprint_reduce(void);
