/*
 * What C++ adds to an ELF: constructors that run before setup(), virtual functions, unwind tables.
 * The brightness of LED_BUILTIN rises and falls.
 */
#include "sketch.h"

namespace
{

class Wave
{
  public:
    explicit Wave(float step) : step_(step)
    {
    }
    virtual float next() = 0;

  protected:
    float step_;
    float value_ = 0.0f;
};

class Triangle final : public Wave
{
  public:
    using Wave::Wave;

    float next() override
    {
        value_ += step_;
        if (value_ < 0.0f || value_ > 1.0f)
            step_ = -step_;
        return value_;
    }
};

class Led
{
  public:
    explicit Led(unsigned pin) : set_(1u << pin), clear_(1u << (pin + 16))
    {
    }

    void show(float brightness)
    {
        for (unsigned i = 0; i < 100; i++)
            *bsrr() = i < brightness * 100.0f ? set_ : clear_;
    }

  private:
    static volatile uint32_t *bsrr()
    {
        return reinterpret_cast<volatile uint32_t *>(0x58020018); // GPIOA, RM0399
    }

    uint32_t set_, clear_;
};

// Volatile, so that the constructors of the other two have to run.
volatile unsigned pin = 0;
volatile float step = 0.01f;

Triangle wave(step);
Led led(pin);

} // namespace

void setup()
{
    *reinterpret_cast<volatile uint32_t *>(0x580244E0) |= 1u; // RCC: GPIOA's clock
}

void loop()
{
    Wave &any = wave;

    led.show(any.next());
}
