/*
 * treetext.c - prints manifests; see treetext.h.
 */
#include "api/common/treetext.h"

#include "api/common/text.h"
#include <string.h>

void treetext_begin(struct jw *w, struct buf *out)
{
    *w = jw_to(out);
    jw_obj(w);
    jw_arr_at(w, "entries");
}

void treetext_file(struct jw *w, const char *path, bool executable, const char *sha256,
                   uint64_t size_bytes)
{
    jw_obj(w);
    jw_str_at(w, "mode", executable ? "0755" : "0644");
    jw_str_at(w, "path", path);
    jw_str_at(w, "sha256", sha256);
    jw_int_at(w, "size", (int64_t)size_bytes);
    jw_end_obj(w);
}

void treetext_link(struct jw *w, const char *path, const char *target)
{
    jw_obj(w);
    jw_str_at(w, "link", target);
    jw_str_at(w, "path", path);
    jw_end_obj(w);
}

void treetext_folder(struct jw *w, const char *path)
{
    jw_obj(w);
    jw_bool_at(w, "folder", true);
    jw_str_at(w, "path", path);
    jw_end_obj(w);
}

void treetext_end(struct jw *w)
{
    jw_end_arr(w);
    jw_int_at(w, "version", 1);
    jw_end_obj(w);
}

bool treetext_is_target(const char *target)
{
    size_t len = strnlen(target, TREETEXT_TARGET_MAX + 1);

    return len > 0 && len <= TREETEXT_TARGET_MAX && text_is_utf8(target, len) &&
           !text_has_control(target, len);
}
