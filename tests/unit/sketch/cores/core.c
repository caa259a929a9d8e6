/*
 * The least that boots and lets the compiler say for which core it generated code: single and
 * double precision arithmetic, initialised and zeroed variables.
 */
extern char stack_top[], data_stored[], data_start[], data_end[];

float single = 1.5f;
double twice = 2.5;
static int zeroed[64];

void reset(void);

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {
    stack_top,
    (const void *)reset,
};

void reset(void)
{
    const char *from = data_stored;

    for (char *to = data_start; to < data_end;)
        *to++ = *from++;
    for (;;) {
        single *= 1.25f;
        twice *= single;
        zeroed[0]++;
    }
}
