// Blinks the LED on the Portenta X8's M4, with nothing but registers.
static volatile uint32_t *const bsrr = (volatile uint32_t *)0x58020018; // GPIOA, RM0399

void setup()
{
    *(volatile uint32_t *)0x580244E0 |= 1u; // RCC: GPIOA's clock
}

void loop()
{
    static bool on;

    on = !on;
    *bsrr = on ? 1u : 1u << 16;
    for (volatile int i = 0; i < 1000000; i++)
        ;
}
