/*
 * tty.c - raw mode and its end; see tty.h. One terminal, so one state of the program.
 */
#include "api/cli/tty.h"
#include "api/common/attach.h"
#include "api/common/fd.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* Private modes (CSI ? n h) that a program that is left, or lost, would leave behind; `usual`: as a terminal has it
 * before anybody asks. */
static const struct {
    unsigned number;
    bool usual;
} modes[] = {{1049, false}, {1047, false}, {47, false},   {25, true},    {2004, false}, {1000, false},
             {1002, false}, {1003, false}, {1004, false}, {1006, false}, {1, false}};
enum { MODES = sizeof modes / sizeof *modes };

static struct {
    bool raw, atexit_set;
    struct termios cooked;
    bool changed[MODES];
    /* the sequence being read: ESC [ ? digits (; digits)* h|l */
    int at;
    unsigned numbers[8], count;
} tty;

bool tty_is_there(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static unsigned bounded(unsigned n, unsigned otherwise)
{
    return n == 0 ? otherwise : n > ATTACH_SIZE_MAX ? ATTACH_SIZE_MAX : n;
}

void tty_size(unsigned *rows, unsigned *cols)
{
    struct winsize size = {0};
    (void)!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *rows = bounded(size.ws_row, 24);
    *cols = bounded(size.ws_col, 80);
}

int tty_raw(struct err *e)
{
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, &tty.cooked) < 0)
        return err_sys(e, NULL, NULL, "tcgetattr");
    raw = tty.cooked;
    cfmakeraw(&raw);
    if (!tty.atexit_set && atexit(tty_restore) != 0)
        return err_set(e, E_INTERNAL, NULL, NULL, "atexit");
    tty.atexit_set = true;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
        return err_sys(e, NULL, NULL, "tcsetattr");
    tty.raw = true;
    return 0;
}

void tty_restore(void)
{
    char undo[256] = "";
    size_t len = 0;
    if (!tty.raw)
        return;
    tty.raw = false;
    for (size_t i = 0; i < MODES; i++)
        if (tty.changed[i])
            len += (size_t)snprintf(undo + len, sizeof undo - len, "\033[?%u%c", modes[i].number,
                                    modes[i].usual ? 'h' : 'l');
    memset(tty.changed, 0, sizeof tty.changed);
    snprintf(undo + len, sizeof undo - len, "\033[0m");
    (void)!fd_write_all(STDOUT_FILENO, undo, strlen(undo)); /* a terminal that is gone needs nothing */
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &tty.cooked);
}

static void set_modes(bool on)
{
    for (unsigned n = 0; n < tty.count; n++)
        for (size_t i = 0; i < MODES; i++)
            if (modes[i].number == tty.numbers[n])
                tty.changed[i] = on != modes[i].usual;
}

void tty_watch(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        if (c == '\033') {
            tty.at = 1;
        } else if (tty.at == 1) {
            tty.at = c == '[' ? 2 : 0;
        } else if (tty.at == 2) {
            tty.at = c == '?' ? 3 : 0;
            tty.count = 1;
            tty.numbers[0] = 0;
        } else if (tty.at == 3 && c >= '0' && c <= '9') {
            unsigned *n = &tty.numbers[tty.count - 1];
            *n = *n > 9999 ? *n : *n * 10 + (unsigned)(c - '0');
        } else if (tty.at == 3 && c == ';' && tty.count < sizeof tty.numbers / sizeof *tty.numbers) {
            tty.numbers[tty.count++] = 0;
        } else if (tty.at == 3) {
            if (c == 'h' || c == 'l')
                set_modes(c == 'h');
            tty.at = 0;
        }
    }
}
