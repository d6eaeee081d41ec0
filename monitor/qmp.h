/* QMP: the machine protocol, one server per byte stream.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_MONITOR_QMP_H
#define GLASSBOX_MONITOR_QMP_H

#include "chardev/chardev.h"
#include "monitor/monitor.h"

typedef struct QmpServer QmpServer;

/* Serves QMP on a chardev, one client after the other as they connect. `pretty` prints answers on
 * several lines. False names: the chardev has a user already. Control thread. */
QmpServer *qmp_server_new(MonitorHost *host, Chardev *chr, bool pretty, GError **errp);
/* Tells what is still to be told (SHUTDOWN), lets go of the stream. NULL is fine. Before the Debug
 * is freed. */
void qmp_server_free(QmpServer *q);

#endif
