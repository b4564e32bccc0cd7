/* A tunnel as a document to print. */
#ifndef CULVERT_CLI_TUNNEL_DOC_H
#define CULVERT_CLI_TUNNEL_DOC_H

#include "culvert/api/objects.h"
#include "culvert/cli/output.h"

/* The members of a tunnel under the names of the format. The caller frees it. NULL: out of memory.
 */
struct doc *tunnel_to_doc(const struct api_tunnel *tunnel, enum output_format format);

/* The same with its token, as `tunnel create` prints it. */
struct doc *tunnel_to_doc_with_token(const struct api_tunnel *tunnel, enum output_format format);

#endif
