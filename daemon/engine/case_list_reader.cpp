#include "daemon/engine/case_list_reader.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

namespace onboardd {
namespace {

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
            const auto at = known.submitted_at;
            known_.emplace(std::move(known.case_id), known_case{at});
        }
    }

    void examine(cdd_case found) {
        echoes_ = echoes_ || !found.reference.empty();
        if (const auto known = known_.find(found.facts.id); known != known_.end()) {
            known->second.shown = true;
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

    list_reading finish(const list_walk& list) {
        std::optional<wall_time> newest_witness;
        std::optional<wall_time> oldest_missing;
        for (const auto& [id, known] : known_) {
            const auto at = known.submitted_at;
            if (known.shown) {
                newest_witness = std::max(newest_witness.value_or(at), at);
            } else if (at <= oldest_missing.value_or(at)) {
                oldest_missing = at;
                reading_.missing_case = id;
            }
        }
        for (auto& entry : reading_.per_job) {
            entry.complete = list.sound;
            entry.echoes_references = echoes_ || list.ids.empty();
            entry.newest_witness = newest_witness;
            entry.oldest_missing = oldest_missing;
        }
        return std::move(reading_);
    }

private:
    struct known_case {
        wall_time submitted_at{};
        bool shown = false;
    };

    const std::vector<claimed_job>& wanted_;
    std::unordered_map<std::string, std::size_t> by_reference_;
    std::unordered_map<std::string, std::size_t> by_id_;
    std::unordered_map<std::string, known_case> known_;
    list_reading reading_;
    bool echoes_ = false;
};

}  // namespace

asio::awaitable<result<list_reading, list_failure>> read_case_list(
    engine_context& context, std::string account, access_token token,
    const std::vector<claimed_job>& wanted, std::vector<witness> witnesses) {
    list_search search(wanted, std::move(witnesses));
    std::function<void(cdd_case)> show = [&search](cdd_case found) {
        search.examine(std::move(found));
    };
    auto list = co_await walk_case_list(context.parts.client, context.options.provider,
                                        std::move(account), std::move(token),
                                        context.options.request_time_max, std::move(show));
    if (!list) {
        co_return list.error();
    }
    co_return search.finish(*list);
}

}  // namespace onboardd
