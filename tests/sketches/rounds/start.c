/*
 * From reset to main(), with the C and C++ libraries in between. The vector table is the one that
 * Arduino's sketches have: 16 exceptions and the STM32H747's 150 interrupts (RM0399).
 */
#include <stdint.h>

typedef void (*handler)(void);

extern uint32_t stack_top[], data_load[], data_start[], data_end[], __bss_start__[], __bss_end__[];

int main(void);
void Reset_Handler(void);
void __libc_init_array(void);

/* What the destructors of static objects would be registered with; nothing ever leaves main(). */
__attribute__((visibility("hidden"))) void *__dso_handle;

static void endless(void)
{
    for (;;)
        __asm__ volatile("wfi");
}

__attribute__((section(".vectors"), used)) static const handler vectors[16 + 150] = {
    (handler)stack_top,
    Reset_Handler,
    [2 ... 165] = endless,
};

void Reset_Handler(void)
{
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: the FPU may be used */
    __asm__ volatile("dsb\n isb");
    for (uint32_t *to = data_start, *from = data_load; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = __bss_start__; to < __bss_end__;)
        *to++ = 0;
    __libc_init_array();
    main();
    endless();
}
