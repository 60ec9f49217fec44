/*
 * proxy_tls.h - the first message of a TLS client, read for the name that it asks for. Pure; decrypts nothing.
 */
#ifndef ENCLOS_PROXY_TLS_H
#define ENCLOS_PROXY_TLS_H

#include "api/common/netallow.h"
#include "orchestrator/proxy_http.h"

enum { PROXY_HELLO_MAX = 20 << 10 };

/* 1: the bytes begin with a whole ClientHello for `host`; 0: more are needed; -1: refused. Its server name (SNI) must
 * be the host's, or absent where the host is an address or the client sends none. An encrypted ClientHello is
 * refused: the name in it could be any. */
int proxy_hello_check(const unsigned char *p, size_t len, const struct net_host *host,
                      struct proxy_refusal *bad);

#endif
