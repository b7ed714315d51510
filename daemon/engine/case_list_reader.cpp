#include "daemon/engine/case_list_reader.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace onboardd {
namespace {

constexpr milliseconds list_time_max =
    std::chrono::minutes(10);  // for one page: it may be the whole list
constexpr std::uint64_t list_bytes_max = std::uint64_t{4} << 30;  // likewise; it is streamed
constexpr std::size_t list_cases_max = 2'000'000;                 // more is no list of one account
constexpr std::size_t sightings_max = 4;  // of one reference; two decide already

// Gathers what the jobs want to know from the cases as they pass by.
class list_search {
public:
    list_search(const std::vector<claimed_job>& wanted, std::vector<witness> witnesses)
        : wanted_(wanted) {
        reading_.per_job.resize(wanted.size());
        reading_.by_id.resize(wanted.size());
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            by_reference_.emplace(wanted[i].row.reference, i);
            if (!wanted[i].row.the_case.id.empty()) {
                by_id_.emplace(wanted[i].row.the_case.id, i);
            }
        }
        for (auto& known : witnesses) {
            witnesses_.emplace(std::move(known.case_id), known.submitted_at);
        }
    }

    void begin_page() {
        new_on_page_ = 0;
        seen_on_page_ = 0;
        repeats_ = false;
    }

    // The sink's error stops the reading early when the page only repeats the first one.
    error_code take(std::optional<cdd_case> found) {
        ++seen_on_page_;
        if (!found) {
            sound_ = false;
            return {};
        }
        const auto& id = found->facts.id;
        if (pages_ > 0 && seen_on_page_ == 1 && id == first_id_) {
            repeats_ = true;
            return errc::stopping;
        }
        if (first_id_.empty()) {
            first_id_ = id;
        }
        last_id_ = id;
        if (ids_.insert(std::hash<std::string>{}(id)).second) {
            ++new_on_page_;
        }
        examine(std::move(*found));  // always: two ids with one hash must not hide a case
        return ids_.size() > list_cases_max ? make_error_code(errc::answer_too_large)
                                            : error_code();
    }

    // Whether another page is to be asked for.
    bool end_page() {
        ++pages_;
        return !repeats_ && new_on_page_ > 0;
    }

    [[nodiscard]] bool repeats() const { return repeats_; }
    [[nodiscard]] const std::string& last_id() const { return last_id_; }
    [[nodiscard]] std::size_t pages() const { return pages_; }

    // A first page of a length that is no page size is the whole list, should the provider refuse
    // to page.
    [[nodiscard]] bool first_page_looks_whole() const { return ids_.size() % 10 != 0; }

    list_reading finish() {
        for (auto& entry : reading_.per_job) {
            entry.complete = sound_;
            entry.echoes_references = echoes_ || ids_.empty();
            entry.newest_witness = newest_witness_;
        }
        return std::move(reading_);
    }

private:
    void examine(cdd_case found) {
        echoes_ = echoes_ || !found.reference.empty();
        if (const auto known = witnesses_.find(found.facts.id); known != witnesses_.end()) {
            if (!newest_witness_ || known->second > *newest_witness_) {
                newest_witness_ = known->second;
            }
        }
        if (const auto own = by_id_.find(found.facts.id); own != by_id_.end()) {
            reading_.by_id[own->second] = found;
        }
        if (const auto match = by_reference_.find(found.reference); match != by_reference_.end()) {
            auto& sightings = reading_.per_job[match->second].sightings;
            const auto& job = wanted_[match->second];
            const bool agrees = fingerprint_agrees(found, job.row, job.fingerprint);
            const auto same = [&](const sighting& other) {
                return other.found.facts.id == found.facts.id;
            };
            if (sightings.size() < sightings_max && std::ranges::none_of(sightings, same)) {
                sightings.push_back({std::move(found), agrees});
            }
        }
    }

    const std::vector<claimed_job>& wanted_;
    std::unordered_map<std::string, std::size_t> by_reference_;
    std::unordered_map<std::string, std::size_t> by_id_;
    std::unordered_map<std::string, wall_time> witnesses_;
    std::unordered_set<std::size_t> ids_;  // hashes: the ids of 200,000 cases fit into a few MiB
    std::string first_id_;
    std::string last_id_;
    list_reading reading_;
    std::optional<wall_time> newest_witness_;
    std::size_t pages_ = 0;
    std::size_t seen_on_page_ = 0;
    std::size_t new_on_page_ = 0;
    bool repeats_ = false;
    bool sound_ = true;  // every element was a case
    bool echoes_ = false;
};

asio::awaitable<result<void, list_failure>> read_page(engine_context& context,
                                                      const std::string& account,
                                                      const access_token& token,
                                                      list_search& search) {
    search.begin_page();
    case_list_parser parser(
        [&search](std::optional<cdd_case> found) { return search.take(std::move(found)); });
    auto message = list_cases_request(context.options.provider, account, token.value->reveal(),
                                      search.last_id());
    http::exchange_options exchange;
    exchange.time_max = list_time_max;
    exchange.body_bytes_max = list_bytes_max;
    exchange.sink = [&parser](std::string_view piece) { return parser.write(piece); };
    auto answer = co_await context.parts.client.send(std::move(message), std::move(exchange));
    if (search.repeats()) {
        co_return result<void, list_failure>();
    }
    if (!answer) {
        co_return list_failure{0, answer.error().ec};
    }
    if (answer->status != 200) {
        co_return list_failure{answer->status, {}};
    }
    if (const auto ec = parser.finish()) {
        co_return list_failure{0, ec};
    }
    co_return result<void, list_failure>();
}

}  // namespace

asio::awaitable<result<list_reading, list_failure>> read_case_list(
    engine_context& context, std::string account, access_token token,
    const std::vector<claimed_job>& wanted, std::vector<witness> witnesses) {
    list_search search(wanted, std::move(witnesses));
    for (bool more = true; more;) {
        auto read = co_await read_page(context, account, token, search);
        if (!read) {
            const auto status = read.error().http_status;
            const bool no_paging = search.pages() == 1 && (status == 400 || status == 422);
            if (no_paging && search.first_page_looks_whole()) {
                break;
            }
            co_return read.error();
        }
        more = search.end_page();
    }
    co_return search.finish();
}

}  // namespace onboardd
