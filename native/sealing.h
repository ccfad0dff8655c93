#ifndef STRONGROOM_SEALING_H
#define STRONGROOM_SEALING_H

#include <stdbool.h>

#include "session.h"

/*
 * What seals and opens in a session under K, the key of one call, at the boundary of the session. `parts` begin with HBK,
 * identity and additional data.
 */

/** Octets of an HBK's handle; identity: the HBK id 32 ‖ the key id 16 ‖ the suite 1. */
enum { HANDLE_LENGTH = 8, IDENTITY_LENGTH = 32 + 16 + 1 };

/** Whether they are, in lengths and suite. */
bool are_keyed(const struct bytes *parts);

/** `target`, which is CIPHERTEXT_OVERHEAD longer than the plaintext, has N and IV in place. Its length, or a status. */
int32_t seal_in_session(struct session *session, struct job *job, const struct bytes *parts, struct bytes plaintext,
                        struct bytes target);
/** The plaintext's length, or a status. */
int32_t open_in_session(struct session *session, struct job *job, const struct bytes *parts, struct bytes ciphertext,
                        uint8_t *target);

#endif
