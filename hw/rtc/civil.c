/* Dates of the Gregorian calendar and seconds since 1970.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/rtc/civil.h"

#define DAY 86400
#define DAYS_400_YEARS 146097
#define DAYS_100_YEARS 36524
#define DAYS_4_YEARS 1461
#define DAYS_TO_1970 719162    /* from 1 January of year 1 */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int is_leap(int64_t y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Days of the year before this month. */
static int days_before(int month, int leap)
{
    static const int days[12] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };

    return days[month - 1] + (month > 2 ? leap : 0);
}

int64_t civil_to_seconds(const CivilTime *t)
{
    int64_t y = t->year - 1;
    int64_t days = y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) +
                   days_before(t->month, is_leap(t->year)) + t->day - 1 - DAYS_TO_1970;

    return days * DAY + t->hour * 3600 + t->minute * 60 + t->second;
}

CivilTime civil_from_seconds(int64_t s)
{
    int64_t days = floor_div(s, DAY), left = s - days * DAY, n, c, q, y;
    CivilTime t = {
        .hour = (int)(left / 3600), .minute = (int)(left / 60 % 60), .second = (int)(left % 60),
    };

    t.weekday = (int)(((days + 4) % 7 + 7) % 7);    /* 1 January 1970 was a Thursday */
    days += DAYS_TO_1970;
    n = floor_div(days, DAYS_400_YEARS);
    days -= n * DAYS_400_YEARS;
    c = days / DAYS_100_YEARS;
    c -= c == 4;                                    /* the last day of 400 years */
    days -= c * DAYS_100_YEARS;
    q = days / DAYS_4_YEARS;
    days -= q * DAYS_4_YEARS;
    y = days / 365;
    y -= y == 4;                                    /* the last day of a leap year */
    days -= y * 365;
    t.year = n * 400 + c * 100 + q * 4 + y + 1;
    for (t.month = 12; days < days_before(t.month, is_leap(t.year)); t.month--) {
    }
    t.day = (int)days - days_before(t.month, is_leap(t.year)) + 1;
    return t;
}
