/*
 * doctor_checkout.h - the doctor's look at the checkout that it is called in: hooks, edit files, certificates, history
 */
#pragma once

#include "agent/doctor/doctor.h"

/* False, and nothing is said, when this is no checkout in which users are sealed. Works in the checkout's root afterwards. With `ask_cluster`
   the certificate is compared with that of the controller: of the agent file's cluster, or else of the one that kubectl would ask. */
bool doctor_check_checkout(struct doctor *doctor, bool ask_cluster);
