// hiredis' reply reader alone is used: the sockets are NIO's. Included by path, because the flags of
// hiredis.pc (-D_FILE_OFFSET_BITS) are refused by the package manager.
#include <hiredis/hiredis.h>
