/*
 * Connections to PostgreSQL that are lent again, with statements that stay
 * prepared: a server process that starts for each meter that is killed, and
 * plans each statement anew, would take most of the time of a run.
 *
 * The linker puts these in front of libpq's own (-Wl,--wrap) and of the
 * product's one way to ask.  The statements, their parameters and answers are
 * the product's; nothing of it knows.
 */
#ifndef SIM_POOL_H
#define SIM_POOL_H

/* Ends those that nobody has. */
void sim_pool_empty(void);

#endif
