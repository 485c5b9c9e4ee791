/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Puts the requests of a plan in force, all or none: what can be refused without a trace is done
 * first, what was broken up is made again when a later part is refused. Nothing is logged but edges
 * that were waiting, and losses of inputs that had to be taken anew to put them back; names and
 * configuration are as before until the caller says otherwise.
 */

struct reload_plan;

/* 0; -EINVAL when the hardware refused, told as a problem of the plan: everything is as before. */
int reload_apply(struct reload_plan *plan);
