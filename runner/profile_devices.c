/*
 * profile_devices.c - reads the key "devices" of a profile file.
 *
 *     "devices": [{"set": "NVIDIA", "why": "...", "drivers": ["nvidia", "nvidia-uvm"],
 *                  "need": ["/dev/nvidiactl", "/dev/nvidia*"], "may": ["/dev/nvidia-uvm-tools"]}]
 *
 * What stands there is text: that a node exists and is what it says is looked at when a run starts.
 */
#include "runner/profile_devices.h"

#include "api/common/mem.h"
#include "api/common/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_SIZE = 96, WHY_MAX = 1000, PATH_MAX_BYTES = 100 };

/* "/dev/" and a plain path below it; the last part may end with a `*`. Never /dev/shm or /dev/pts, which
 * are folders of the run's own, nor what every run has. */
static int check_path(const struct profile_source *s, const char *at, const char *path,
                      struct err *e)
{
    static const char *const own[] = {"shm",    "pts",     "ptmx", "fd",   "stdin",  "stdout",
                                      "stderr", "null",    "zero", "full", "random", "urandom",
                                      "tty",    "console", "mem",  "kmem", "port",   "kmsg"};
    char plain[PATH_MAX_BYTES + 1];
    if (strncmp(path, "/dev/", 5) != 0 || strlen(path) > PATH_MAX_BYTES)
        return source_fail(s, at, "a path below /dev, such as /dev/nvidiactl or /dev/nvidia*", e,
                           "'%s' is no path below /dev", path);
    snprintf(plain, sizeof plain, "%s", path + 5);
    size_t n = strlen(plain);
    if (n > 1 && plain[n - 1] == '*')
        plain[n - 1] = '0';
    if (!text_is_rel_path(plain) || strchr(plain, '*') != NULL)
        return source_fail(s, at, "plain names; one * at the end stands for a number", e,
                           "'%s' is no path of a device", path);
    size_t first = strcspn(plain, "/");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strlen(own[i]) == first && memcmp(own[i], plain, first) == 0)
            return source_fail(s, at, NULL, e, "%s is not a profile's to give", path);
    return 0;
}

static int read_paths(const struct profile_source *s, const struct json *entry, const char *at,
                      const char *key, char **list, size_t *count, struct err *e)
{
    const struct json *paths = NULL;
    char place[PLACE_SIZE];
    if (json_opt_array(entry, at, key, PROFILE_DEVICE_PATHS_MAX, &paths, e) < 0)
        return source_located(s, e);
    for (const struct json *v = json_first(paths); v != NULL; v = json_next(v)) {
        snprintf(place, sizeof place, "%s.%s[%zu]", at, key, *count);
        if (json_str(v) == NULL)
            return source_fail(s, place, NULL, e, "must be a path");
        if (check_path(s, place, json_str(v), e) < 0)
            return -1;
        list[(*count)++] = mem_strdup(json_str(v) + 5);
    }
    return 0;
}

static int read_drivers(const struct profile_source *s, const struct json *entry, const char *at,
                        struct profile_devices *d, struct err *e)
{
    const struct json *names = NULL;
    char place[PLACE_SIZE];
    if (json_opt_array(entry, at, "drivers", PROFILE_DEVICE_DRIVERS_MAX, &names, e) < 0)
        return source_located(s, e);
    for (const struct json *v = json_first(names); v != NULL; v = json_next(v)) {
        const char *name = json_str(v);
        snprintf(place, sizeof place, "%s.drivers[%zu]", at, d->driver_count);
        if (name == NULL || name[0] == '\0' || strlen(name) > 64 || strpbrk(name, " \t\n") != NULL)
            return source_fail(s, place, "as /proc/devices names it", e,
                               "must be the name of a driver");
        d->driver[d->driver_count++] = mem_strdup(name);
    }
    if (d->driver_count == 0)
        return source_fail(s, at,
                           "the names in /proc/devices that the nodes' major numbers may have", e,
                           "drivers is missing or empty");
    return 0;
}

static int read_set(struct profile *p, const struct profile_source *s, const struct json *entry,
                    const char *at, struct err *e)
{
    static const char *const keys[] = {"set", "why", "why_fr", "need", "may", "drivers", NULL};
    const char *set = NULL, *why = NULL, *why_fr = NULL;
    if (json_type(entry) != JSON_OBJECT)
        return source_fail(s, at, NULL, e, "must be an object");
    if (json_only_keys(entry, at, keys, e) < 0 ||
        json_need_str(entry, at, "set", 1, 40, &set, e) < 0 ||
        json_need_str(entry, at, "why", 1, WHY_MAX, &why, e) < 0 ||
        json_opt_str(entry, at, "why_fr", 1, WHY_MAX, &why_fr, e) < 0)
        return source_located(s, e);
    for (size_t i = 0; i < p->device_set_count; i++)
        if (strcmp(p->devices[i].set, set) == 0)
            return source_fail(s, at, "give it another name", e,
                               "there is a set '%s' already at %s:%u", set, p->devices[i].file,
                               p->devices[i].line);
    if (p->device_set_count == PROFILE_DEVICE_SETS_MAX)
        return source_fail(s, at, NULL, e, "more than %d sets of devices", PROFILE_DEVICE_SETS_MAX);
    p->devices = mem_grow(p->devices, p->device_set_count + 1, sizeof *p->devices);
    struct profile_devices *d =
        &p->devices[p->device_set_count++]; /* freed with the profile, whole or not */
    *d = (struct profile_devices){.set = mem_strdup(set),
                                  .why = mem_strdup(why),
                                  .why_fr = why_fr != NULL ? mem_strdup(why_fr) : NULL,
                                  .file = mem_strdup(s->file),
                                  .line = source_line(s, at)};
    if (read_paths(s, entry, at, "need", d->need, &d->need_count, e) < 0 ||
        read_paths(s, entry, at, "may", d->may, &d->may_count, e) < 0 ||
        read_drivers(s, entry, at, d, e) < 0)
        return -1;
    if (d->need_count == 0)
        return source_fail(s, at, "the nodes without which the set is of no use", e,
                           "need is missing or empty");
    return 0;
}

int devices_apply(struct profile *p, const struct profile_source *s, struct err *e)
{
    const struct json *list = NULL;
    size_t i = 0;
    if (json_opt_array(s->root, "", "devices", PROFILE_DEVICE_SETS_MAX, &list, e) < 0)
        return source_located(s, e);
    for (const struct json *v = json_first(list); v != NULL; v = json_next(v), i++) {
        char at[PLACE_SIZE / 2];
        snprintf(at, sizeof at, "devices[%zu]", i);
        if (read_set(p, s, v, at, e) < 0)
            return -1;
    }
    return 0;
}

static void free_all(char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
}

void devices_fini(struct profile *p)
{
    for (size_t i = 0; i < p->device_set_count; i++) {
        struct profile_devices *d = &p->devices[i];
        free(d->set);
        free(d->why);
        free(d->why_fr);
        free(d->file);
        free_all(d->need, d->need_count);
        free_all(d->may, d->may_count);
        free_all(d->driver, d->driver_count);
    }
    free(p->devices);
}
