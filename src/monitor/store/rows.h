// Rows of schema autoctl to structs and back.
#pragma once

#include <string>
#include <vector>

#include "common/pg/connection.h"
#include "monitor/engine/store.h"

namespace autoctl::monitor::rows {

// Each select_… lists its columns in the order in which the reader beside it takes them; each upsert_… takes the
// parameters that the params() beside it makes.

extern const char* const select_formations;
extern const char* const upsert_formation;
FormationRow formation(const pg::Rows& rows, int row);
std::vector<pg::Param> params(const FormationRow& formation);

extern const char* const select_groups;
extern const char* const upsert_group;
Result<GroupRow> group(const pg::Rows& rows, int row);
std::vector<pg::Param> params(const GroupRow& group);

extern const char* const select_nodes;
extern const char* const upsert_node;
Result<NodeRow> node(const pg::Rows& rows, int row);
std::vector<pg::Param> params(const NodeRow& node);

extern const char* const select_operations;
extern const char* const upsert_operation;
Result<OperationRow> operation(const pg::Rows& rows, int row);
std::vector<pg::Param> params(const OperationRow& operation);

extern const char* const select_tokens;
extern const char* const upsert_token;
TokenRow token(const pg::Rows& rows, int row);
std::vector<pg::Param> params(const TokenRow& token);

extern const char* const event_columns;
extern const char* const insert_event;
Result<protocol::EventDocument> event(const pg::Rows& rows, int row);
std::vector<pg::Param> params(const protocol::EventDocument& event);

}  // namespace autoctl::monitor::rows
