#pragma once

// Looking into the ledger through the running daemon: for operators who may use the control socket
// but not read the ledger's file. On the control socket alone, since references and contract links
// are for them alone. Both ends share the JSON that goes over it.
//
//   POST /api/control/find   find_order -> {"found": [one found_jobs for each reference]}
//   POST /api/control/list   {"after": 0} -> job_page
//   POST /api/control/batch  {"batch": "night"} -> batch_summary
//
// A request that makes no sense is answered with 400, a ledger that cannot be read with 503, each
// with a sentence for the operator.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "onboardd/admin/server.hpp"
#include "onboardd/ledger/ledger.hpp"

namespace onboardd::admin {

inline constexpr const char* find_path = "/api/control/find";
inline constexpr const char* list_path = "/api/control/list";
inline constexpr const char* batch_path = "/api/control/batch";

// References that one question may name, and jobs of one page.
inline constexpr std::size_t found_references_max = 200;
inline constexpr std::size_t listed_jobs_max = 500;

struct find_order {
    std::vector<std::string> references;
    bool histories = false;  // the pasts of the jobs are wanted too
};

// What REF (REFERENCE or ACCOUNT/REFERENCE) means: jobs of several accounts, perhaps.
struct found_jobs {
    std::vector<job> rows;
    std::vector<job_history> pasts;    // of the rows, one for each; empty where not asked for
    std::vector<std::string> damaged;  // ACCOUNT/REFERENCE of what cannot be believed
};

struct list_order {
    job_id after = 0;  // 0: from the first
};

struct batch_order {
    std::string batch;
};

std::string to_json(const find_order& order);
std::string to_json(const std::vector<found_jobs>& found);
std::string to_json(const job_page& page);
std::string to_json(const batch_summary& batch);
std::string to_json(const list_order& order);
std::string to_json(const batch_order& order);

// The error is a sentence: what is wrong with the text.
result<find_order, std::string> parse_find_order(std::string_view json);
result<std::vector<found_jobs>, std::string> parse_found(std::string_view json);
result<job_page, std::string> parse_page(std::string_view json);
result<batch_summary, std::string> parse_batch(std::string_view json);
result<list_order, std::string> parse_list_order(std::string_view json);
result<batch_order, std::string> parse_batch_order(std::string_view json);

// The account of REF, empty where it has none, and the reference.
std::pair<std::string, std::string> split_reference(const std::string& reference);

// `store` outlives the server.
void add_reading(server& window, ledger& store);

}  // namespace onboardd::admin
