/* SPDX-License-Identifier: MIT */
#pragma once

/* Tells the service manager how the daemon is; without libsystemd, or without a manager, nothing.
 */

void notify_ready(void);
void notify_stopping(void);
