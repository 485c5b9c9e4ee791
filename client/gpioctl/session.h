/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A command's conversation with the daemon: connect, ask, take the reply, then perhaps events. What
 * goes wrong is said on stderr and returned as an exit status.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "connection.h"
#include "duration.h"
#include "gpioctl.h"
#include "jsonw.h"
#include "refusal.h"
#include "wire.h"

/* How long the daemon may take to accept a connection or to answer. */
#define ANSWER_MS 10000
#define ANSWER_NS (ANSWER_MS * NSEC_PER_MSEC)

struct session {
	const struct options *options;
	struct connection *connection;
	int signal_fd; /* -1: Ctrl-C ends the process as usual */
	const int
		*other_fd; /* NULL: none; when it is readable, session_receive() returns in time */
	bool may_end;	   /* the daemon may close now: session_receive() then yields no text */
	int connect_error; /* -errno of connecting; 0: there is or was a connection */
	bool patient;	   /* there will be another try, so nothing is said of this one's failure */
	uint64_t await_ns; /* until then answers may take; 0: ANSWER_NS */
	uint64_t filled_ns; /* when the socket was last read */
	struct jsonw request;
	char buffer[WIRE_MAX_LINE_BYTES];
	/* From the daemon's hello. */
	uint64_t peer; /* our number */
	char version[32], backend[32], instance[WIRE_MAX_NAME_BYTES + 1];
	uint64_t oldest, newest; /* of the log */
	/* Where the stream stands: all up to here has been received; for a message when it breaks.
	 */
	bool subscribed;
	bool ended; /* the daemon has said that it ends */
	uint64_t seq, replay_left, reply_seq;
};

/* A line from the daemon; `text` is valid until the next is received. Due: message_done(). */
struct message {
	const char *text;
	size_t n;
	cJSON *tree;
};
void message_done(struct message *message);

/* Connects; and with hello says who is there, so that others see it in events and lists. */
enum status session_connect(struct session *session, const struct options *options);
enum status session_open(struct session *session, const struct options *options);
/* As session_open(), but says nothing of its failure: STATUS_UNREACHABLE. */
enum status session_try(struct session *session, const struct options *options);
/* As session_open(), but tries until there is a daemon that answers or it is too late. */
enum status session_await(
	struct session *session, const struct options *options, uint64_t deadline_ns);
void session_close(struct session *session);

/*
 * From here on Ctrl-C and SIGTERM end session_receive() with a status, so that what has been
 * printed goes out and the connection is closed in order; and so does the reader of stdout when it
 * leaves.
 */
enum status session_watch(struct session *session);

/* Begins a request: an object with "op"; the caller adds members. */
struct jsonw *request_begin(struct session *session, const char *op);
/* A member, left out if text is NULL or there are no strings, as with an option that was not given.
 */
void request_text(struct session *session, const char *key, const char *text);
void request_strings(struct session *session, const char *key, struct strings strings);
/* "values":{...} of LINE=VALUE words that assignments_check() has let pass. */
void request_values(struct session *session, struct strings words);

/* Sends what was begun and takes its reply, whatever it says. */
enum status session_exchange(struct session *session, struct message *ret);
/* Sends what was begun; its reply comes among what session_receive() yields. */
enum status session_send(struct session *session);
/* session_exchange(); a refusal is reported and becomes a status. With --json the reply is printed.
 */
enum status session_ask(struct session *session, struct message *ret);
/* The same for a question in between: only a refusal is printed. */
enum status session_inquire(struct session *session, struct message *ret);

/* The next line, with a deadline on CLOCK_MONOTONIC (UINT64_MAX: none), STATUS_TIMEOUT unsaid. */
enum status session_receive(struct session *session, uint64_t deadline_ns, struct message *ret);
/* The next event; keeps `seq`. */
enum status session_event(struct session *session, uint64_t deadline_ns, struct message *ret);
/* Notes what a subscribe reply says of the stream's position. */
void session_subscribed(struct session *session, const cJSON *reply);

/* Whether the daemon's unit is installed. */
bool unit_exists(void);
/* Where the daemon listens, as far as the caller has said. */
const char *socket_path(const struct options *options);

/* Prints the line as it came. */
void message_print(const struct message *message);

uint64_t now_ns(void);
/* When --timeout ends, from now. */
uint64_t deadline_of(const struct options *options);
