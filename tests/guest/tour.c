/* Mode 'tour': small functions for a debugger to look at; mode 'prompt': a console that answers. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

typedef struct Point {
    int x, y;
} Point;

typedef struct Shape {
    const char *name;
    unsigned corners;
    Point corner[4];
} Shape;

extern volatile unsigned long timer_ticks;

volatile unsigned long tour_round;
volatile int last_area;
Shape last_shape;
double samples[8];
double last_mean;

/* n! the slow way: one frame for each number. */
unsigned long factorial(unsigned n)
{
    if (n < 2) {
        return 1;
    }
    return n * factorial(n - 1);
}

/* Twice the signed area of a shape. */
int shape_area(const Shape *shape)
{
    int sum = 0;

    for (unsigned i = 0; i < shape->corners; i++) {
        const Point *a = &shape->corner[i];
        const Point *b = &shape->corner[(i + 1) % shape->corners];
        sum += a->x * b->y - b->x * a->y;
    }
    return sum;
}

Shape shape_make(int width, int height)
{
    Shape shape = {.name = "rectangle", .corners = 4};

    shape.corner[1].x = width;
    shape.corner[2].x = width;
    shape.corner[2].y = height;
    shape.corner[3].y = height;
    return shape;
}

double mean(const double *values, unsigned n)
{
    double sum = 0;

    for (unsigned i = 0; i < n; i++) {
        sum += values[i];
    }
    return sum / n;
}

double scale(double value, double factor)
{
    return value * factor;
}

/* One round: every value depends on the round's number alone. */
unsigned long tour_step(unsigned round)
{
    unsigned long product = factorial(round % 8 + 1);

    last_shape = shape_make((int)round + 1, 3);
    last_area = shape_area(&last_shape);
    for (unsigned i = 0; i < 8; i++) {
        samples[i] = scale(round + i, 0.5);
    }
    last_mean = mean(samples, 8);
    return product + (unsigned long)last_area;
}

unsigned tour_run(void)
{
    unsigned rounds = (unsigned)option_number("rounds", 10);
    unsigned long sum = 0;

    apic_timer_start(100000);
    __asm__ volatile("sti");
    for (unsigned round = 0; round < rounds; round++) {
        tour_round = round;
        sum += tour_step(round);
    }
    while (timer_ticks < 3) {
        __asm__ volatile("hlt");
    }
    __asm__ volatile("cli");
    apic_timer_stop();
    print_line("rounds", rounds);
    print_line("sum", sum);
    print_line("mean times 16", (unsigned long)(last_mean * 16));
    return 0;
}

/* Reads a line from the console, echoing it. */
static void line_read(char *line, unsigned size)
{
    unsigned n = 0;
    int c;

    for (;;) {
        c = console_get();
        if (c < 0) {
            __asm__ volatile("pause");
            continue;
        }
        if (c == '\r' || c == '\n') {
            break;
        }
        if (n < size - 1) {
            line[n++] = (char)c;
            console_put((char)c);
        }
    }
    line[n] = 0;
    print("\n");
}

unsigned prompt_run(void)
{
    char line[80];

    tour_run();
    for (;;) {
        print("guest> ");
        line_read(line, sizeof(line));
        if (text_equal(line, "quit")) {
            return 0;
        } else if (text_equal(line, "ticks")) {
            print_line("ticks", timer_ticks);
        } else if (text_equal(line, "tour")) {
            tour_run();
        } else if (line[0]) {
            print("guest: commands: tour, ticks, quit\n");
        }
    }
}
