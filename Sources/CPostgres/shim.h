// libpq, the reference client: it is the one that every pooler and every TLS set-up is tested with.
#include <libpq-fe.h>
