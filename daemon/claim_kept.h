/* SPDX-License-Identifier: MIT */
#pragma once

/* Claims and limits in time over a restart: their records. */

struct claim;
struct daemon;
struct line;

/* Before what they describe takes effect: a process that is killed then leaves the line safe. */
void claim_remember(struct claim *claim);
void on_time_remember(struct line *line);
/* After it has ended. */
void claim_forget(struct claim *claim);
void on_time_forget_record(struct line *line);

/* What an earlier daemon left goes on: claims with the stand-ins of their holders, whose ttl begins
 * anew; limits in time as they were, overdue ones end in the next round. Before lines are taken
 * afresh. */
void claims_restore(struct daemon *daemon);
/* All levels are known: limits of lines that are 1 run, interlocks hold. */
void claims_settle(struct daemon *daemon);
