/*
 * Blinks the Portenta X8's LED_BUILTIN, pin PA0 of its STM32H747, from the Cortex-M4 and with no
 * library beneath. Addresses and bits: RM0399 (RCC, GPIO) and ARMv7-M, DDI 0403 (SysTick).
 */
#include "sketch.h"

#define RCC_AHB4ENR   (*(volatile uint32_t *)0x580244E0)
#define GPIOA_MODER   (*(volatile uint32_t *)0x58020000)
#define GPIOA_BSRR    (*(volatile uint32_t *)0x58020018)
#define SYSTICK_CTRL  (*(volatile uint32_t *)0xE000E010)
#define SYSTICK_LOAD  (*(volatile uint32_t *)0xE000E014)
#define SYSTICK_VALUE (*(volatile uint32_t *)0xE000E018)

enum {
    CLOCK_HZ = 240000000, /* what the M7 firmware sets before it starts the M4 */
};

static volatile uint32_t milliseconds;             /* .bss: zero at start */
static volatile uint32_t blink_milliseconds = 500; /* .data: copied from flash at start */

void SysTick_Handler(void)
{
    milliseconds++;
}

static void delay(uint32_t duration)
{
    const uint32_t start = milliseconds;

    while (milliseconds - start < duration)
        wait_for_interrupt();
}

static void set_led(bool on)
{
    GPIOA_BSRR = on ? 1u : 1u << 16;
}

void setup(void)
{
    /* The port's clock, then pin 0 as an output. */
    RCC_AHB4ENR |= 1u;
    GPIOA_MODER = (GPIOA_MODER & ~3u) | 1u;

    /* An interrupt every millisecond, counted on the core's own clock. */
    SYSTICK_LOAD = CLOCK_HZ / 1000 - 1;
    SYSTICK_VALUE = 0;
    SYSTICK_CTRL = 7u;
}

void loop(void)
{
    set_led(true);
    delay(blink_milliseconds);
    set_led(false);
    delay(blink_milliseconds);
}
