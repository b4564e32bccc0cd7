/* Keys of originRequest in their forms: left out, written for the whole file, for one rule, or for
 * both; and what one then sees of them. */
#ifndef CULVERT_TESTS_SUPPORT_KEY_FORMS_H
#define CULVERT_TESTS_SUPPORT_KEY_FORMS_H

#include "support/origin_play.h"

enum { KEY_SEEN_SIZE = 320 };

/* What is written in a configuration with one rule for key.test, and what one then sees. */
struct key_form {
    const char *service; /* "{run}" and "{ca.pem}" as in origin_play_open_text */
    const char *whole;   /* originRequest of the file; "" */
    const char *rule;    /* of the rule; "" */
    const char *seen;
};

typedef void key_observe_fn(struct origin_play *play, char seen[KEY_SEEN_SIZE]);

/* Checks what `observe` sees of each form. All origins answer 200; 192.0.2.1:28000 is silent,
 * [2001:db8::1]:28000 the origin "app", and both are twin.test. */
void key_forms_check(const struct key_form *forms, size_t count, key_observe_fn *observe);

/* GET / of key.test, until it is over or two minutes have passed. */
struct raw_answer *key_forms_ask(struct origin_play *play);

/* "nothing" for an answer that did not come. Static. */
const char *key_forms_status(const struct raw_answer *answer);

/* Sees status and time. */
void key_forms_see_time(struct origin_play *play, char seen[KEY_SEEN_SIZE]);

#endif
