/* What a sketch and its start-up code know of each other: Arduino's two functions, and a handler
 * for any interrupt that the sketch defines. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void setup(void); /* once, after the constructors */
void loop(void);  /* then for ever */

void SysTick_Handler(void); /* does nothing unless the sketch defines it */

static inline void wait_for_interrupt(void)
{
    __asm__ volatile("wfi");
}

#ifdef __cplusplus
}
#endif
