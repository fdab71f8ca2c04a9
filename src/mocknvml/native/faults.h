/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that are active: a journal behind the fields of a block, which faults/journal.py writes. */
#ifndef MOCK_FAULTS_H
#define MOCK_FAULTS_H

#include "cells.h"

/* A reset of a GPU ends those faults that say so: what they changed, and nobody since, is as it was. */
void mock_faults_end_with_reset(mock_word *state);

#endif
