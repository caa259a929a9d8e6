/*
 * From reset to setup(): the vector table that the Cortex-M4 starts from, and the reset handler
 * that makes memory what C and C++ expect. The linker script sketch.ld supplies the addresses.
 */
#include "sketch.h"

enum {
    EXCEPTIONS = 16,  /* ARMv7-M, DDI 0403, B1.5.2 */
    INTERRUPTS = 150, /* STM32H747, RM0399 */
};

typedef void (*handler)(void);

extern uint32_t stack_top[], data_load[], data_start[], data_end[], bss_start[], bss_end[];
extern const handler init_array_start[], init_array_end[];

void Reset_Handler(void);
void __aeabi_unwind_cpp_pr0(void);
void __aeabi_unwind_cpp_pr1(void);

/* One per build, so that each upload can have a content of its own: see stamp.py. */
__attribute__((section(".stamp"), used)) const struct {
    char magic[12];
    uint32_t id;
} sketch_stamp = {"m4flash-id:", 0};

/* Memory that nobody clears or loads, as Arduino reserves for OpenAMP and for its microphone. */
__attribute__((section(".resource_table"), used)) uint8_t resource_table[1024];
__attribute__((section(".pdm_buffer"), used)) uint8_t pdm_buffer[1024];

static void endless(void)
{
    for (;;)
        wait_for_interrupt();
}

__attribute__((weak)) void SysTick_Handler(void)
{
}

/* Named by the unwind tables of C++ code; nothing ever unwinds here. */
void __aeabi_unwind_cpp_pr0(void)
{
}

void __aeabi_unwind_cpp_pr1(void)
{
}

__attribute__((section(".vectors"), used)) const handler vectors[EXCEPTIONS + INTERRUPTS] = {
    (handler)stack_top,
    [1] = Reset_Handler,
    [2 ... 14] = endless,
    [15] = SysTick_Handler,
    [EXCEPTIONS... EXCEPTIONS + INTERRUPTS - 1] = endless,
};

static void enable_fpu(void)
{
    volatile uint32_t *const cpacr = (volatile uint32_t *)0xE000ED88;

    *cpacr |= 0xFu << 20; /* CP10 and CP11, full access */
    __asm__ volatile("dsb\n isb");
}

void Reset_Handler(void)
{
    enable_fpu();
    for (uint32_t *to = data_start, *from = data_load; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
    for (const handler *constructor = init_array_start; constructor < init_array_end;)
        (*constructor++)();

    setup();
    for (;;)
        loop();
}
