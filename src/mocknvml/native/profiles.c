/* SPDX-License-Identifier: Apache-2.0 */
/* The profiles that are compiled in, by name. */
#include "node.h"
#include "profiles.h"

const char mock_profile_names[] = MOCK_PROFILE_NAMES;

const struct mock_profile *mock_profile_named(const char *name)
{
    for (size_t i = 0; i < MOCK_PROFILES; i++)
        if (strcmp(mock_profiles[i].name, name) == 0)
            return &mock_profiles[i];
    return NULL;
}
