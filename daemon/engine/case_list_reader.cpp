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
            known_.emplace(std::move(known.case_id), known_case{at, std::move(known.reference)});
        }
    }

    void examine(cdd_case found) {
        somebodys_ = somebodys_ || !found.reference.empty();
        if (const auto known = known_.find(found.facts.id); known != known_.end()) {
            known->second.shown = true;
            compare(found, known->second.reference);
        }
        if (const auto own = by_id_.find(found.facts.id); own != by_id_.end()) {
            compare(found, wanted_[own->second].row.reference);
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
        reading_.sound = list.sound;
        reading_.shows_ours = echoes(list);
        for (auto& entry : reading_.per_job) {
            entry.complete = list.sound;
            entry.echoes_references = reading_.shows_ours;
            entry.newest_witness = newest_witness;
            entry.oldest_missing = oldest_missing;
        }
        return std::move(reading_);
    }

    list_reading give_up(const list_failure& why) {
        reading_.failure = why;
        return std::move(reading_);
    }

private:
    struct known_case {
        wall_time submitted_at{};
        std::string reference;
        bool shown = false;
    };

    void compare(const cdd_case& found, const std::string& sent) {
        (found.reference == sent ? ours_are_shown_ : ours_are_changed_) = true;
    }

    // Our own cases tell; where the list shows none of them, it is believed to do with ours as with
    // those of others.
    [[nodiscard]] bool echoes(const list_walk& list) const {
        return !ours_are_changed_ && (ours_are_shown_ || somebodys_ || list.ids.empty());
    }

    const std::vector<claimed_job>& wanted_;
    std::unordered_map<std::string, std::size_t> by_reference_;
    std::unordered_map<std::string, std::size_t> by_id_;
    std::unordered_map<std::string, known_case> known_;
    list_reading reading_;
    bool somebodys_ = false;         // some case carries a reference
    bool ours_are_shown_ = false;    // one of ours carries the one that was sent
    bool ours_are_changed_ = false;  // one of ours carries another one, or none
};

}  // namespace

asio::awaitable<list_reading> read_case_list(engine_context& context, std::string account,
                                             access_token token,
                                             const std::vector<claimed_job>& wanted,
                                             std::vector<witness> witnesses) {
    list_search search(wanted, std::move(witnesses));
    std::function<void(cdd_case)> show = [&search](cdd_case found) {
        search.examine(std::move(found));
    };
    auto list = co_await walk_case_list(
        context.parts.client, context.parts.time, context.options.provider, std::move(account),
        std::move(token), context.options.request_time_max, std::move(show));
    if (!list) {
        co_return search.give_up(list.error());
    }
    co_return search.finish(*list);
}

}  // namespace onboardd
