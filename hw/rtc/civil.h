/* Dates of the Gregorian calendar and seconds since 1970.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_RTC_CIVIL_H
#define GLASSBOX_HW_RTC_CIVIL_H

#include <stdint.h>

typedef struct CivilTime {
    int64_t year;        /* the full number: 2026 */
    int month, day;      /* from 1 */
    int hour, minute, second;
    int weekday;         /* 0 is Sunday; not looked at by civil_to_seconds() */
} CivilTime;

/* Numbers out of range count on: day 0 is the last of the month before, second 60 is the next
 * minute's first. The month must be 1 to 12. */
int64_t civil_to_seconds(const CivilTime *t);
CivilTime civil_from_seconds(int64_t s);

#endif
