#include "CEmbedded.h"

// One array per script of lua/, in the file's own bytes. A test compares this list with the folder.
#define SCRIPT(name) static const unsigned char name[]
SCRIPT(account) = {
#embed "../../lua/account.lua"
};
SCRIPT(acknowledge) = {
#embed "../../lua/acknowledge.lua"
};
SCRIPT(apply) = {
#embed "../../lua/apply.lua"
};
SCRIPT(check) = {
#embed "../../lua/check.lua"
};
SCRIPT(epoch) = {
#embed "../../lua/epoch.lua"
};
SCRIPT(evict) = {
#embed "../../lua/evict.lua"
};
SCRIPT(extend) = {
#embed "../../lua/extend.lua"
};
SCRIPT(fence) = {
#embed "../../lua/fence.lua"
};
SCRIPT(inspect) = {
#embed "../../lua/inspect.lua"
};
SCRIPT(library) = {
#embed "../../lua/library.lua"
};
SCRIPT(load) = {
#embed "../../lua/load.lua"
};
SCRIPT(publish) = {
#embed "../../lua/publish.lua"
};
SCRIPT(report) = {
#embed "../../lua/report.lua"
};
SCRIPT(settle) = {
#embed "../../lua/settle.lua"
};
SCRIPT(usage) = {
#embed "../../lua/usage.lua"
};

#define ENTRY(name) {#name ".lua", name, sizeof name}
const tollgate_embedded_file tollgate_lua_files[] = {
    ENTRY(account), ENTRY(acknowledge), ENTRY(apply), ENTRY(check),   ENTRY(epoch),
    ENTRY(evict),   ENTRY(extend),      ENTRY(fence), ENTRY(inspect), ENTRY(library),
    ENTRY(load),    ENTRY(publish),     ENTRY(report), ENTRY(settle), ENTRY(usage),
};
const size_t tollgate_lua_file_count = sizeof tollgate_lua_files / sizeof tollgate_lua_files[0];
