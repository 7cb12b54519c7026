#include "CEmbedded.h"

static const unsigned char openapi[] = {
#embed "../../docs/openapi.json"
};
const tollgate_embedded_file tollgate_openapi = {"openapi.json", openapi, sizeof openapi};
