/*
 * A sketch as people write them: sensors, a log of what they read, a report. It is built in rounds,
 * as somebody changes a line and uploads again; each macro that the build can define is one such
 * change. It is there to be programmed and compared, not to be run: nothing listens to its output.
 */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#ifdef STREAMS // the big one: what <iostream> brings along is 260 KiB
#include <iostream>
#include <sstream>
#endif
#ifdef REGEX // a library added to the big one
#include <regex>
#endif
#ifdef STATISTICS // a library added to the small one
#include <complex>
#include <deque>
#endif

#ifndef PERIOD // the constant that changes
#define PERIOD 500
#endif

extern "C" unsigned _write(int, const char *, unsigned size)
{
    return size;
}

namespace
{

class Sensor
{
  public:
    explicit Sensor(const char *name) : name_(name)
    {
    }
    virtual ~Sensor() = default;
    virtual double read(int time) = 0;

    const std::string &name() const
    {
        return name_;
    }

  private:
    std::string name_;
};

class Wave final : public Sensor
{
  public:
    Wave(const char *name, double frequency) : Sensor(name), frequency_(frequency)
    {
    }
    double read(int time) override
    {
        return std::sin(frequency_ * time);
    }

  private:
    double frequency_;
};

class Ramp final : public Sensor
{
  public:
    Ramp(const char *name, int period) : Sensor(name), period_(period)
    {
    }
    double read(int time) override
    {
        return time % period_;
    }

  private:
    int period_;
};

std::map<std::string, std::vector<double>> readings;
volatile int ticks;

void wait(int milliseconds)
{
    for (int i = 0; i < milliseconds * 1000; i++)
        ticks = ticks + 1;
}

void report(const Sensor &sensor, double value)
{
    std::printf("%s: %f\n", sensor.name().c_str(), value);
#ifdef LINE // the line that is added
    std::printf("half of %s is %f, of %u\n", sensor.name().c_str(), value / 2,
                static_cast<unsigned>(readings.size()));
#endif
}

void keep(const Sensor &sensor, double value)
{
    std::vector<double> &all = readings[sensor.name()];

    all.push_back(value);
    std::sort(all.begin(), all.end());
}

#ifdef STREAMS
void summarise(int time)
{
    std::ostringstream text;

    text << time << ": " << readings.size() << " sensors";
    std::cout << text.str() << std::endl;
}
#endif

#ifdef REGEX
void match(const std::string &name)
{
    const std::regex pattern("([a-z]+)[0-9]*");
    std::smatch found;

    if (std::regex_match(name, found, pattern))
        std::puts(found[1].str().c_str());
}
#endif

#ifdef STATISTICS
void transform(double value)
{
    static std::deque<std::complex<double>> window;
    std::complex<double> sum;

    window.push_front(value);
    if (window.size() > 64)
        window.pop_back();
    for (std::size_t i = 0; i < window.size(); i++)
        sum += window[i] * std::polar(1.0, 0.1 * static_cast<double>(i));
    std::printf("spectrum %f, %f\n", std::abs(sum), std::log10(std::norm(sum) + 1.0));
}
#endif

} // namespace

int main()
{
    const std::vector<Sensor *> sensors{new Wave("sine", 0.1), new Ramp("ramp", 17)};

    for (int time = 0;; time++) {
        for (Sensor *sensor : sensors) {
            const double value = sensor->read(time);

            keep(*sensor, value);
            report(*sensor, value);
#ifdef REGEX
            match(sensor->name());
#endif
#ifdef STATISTICS
            transform(value);
#endif
        }
#ifdef STREAMS
        summarise(time);
#endif
        wait(PERIOD);
    }
}
