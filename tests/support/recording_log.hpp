#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "onboardd/base/log.hpp"

namespace onboardd::test {

// Keeps every event, for assertions on what an operator is told. Safe to use from several threads.
class recording_log final : public logger {
public:
    struct entry {
        severity level = severity::info;
        std::string event;
        std::string message;
        std::map<std::string, std::string> fields;
    };

    // Events below `least` are dropped, as a real logger would.
    explicit recording_log(severity least = severity::debug) : least_(least) {}

    void write(severity level, std::string_view event, std::string_view message,
               std::span<const log_field> fields) override {
        if (!enabled(level)) {
            return;
        }
        entry made{level, std::string(event), std::string(message), {}};
        for (const auto& field : fields) {
            made.fields.insert_or_assign(std::string(field.name), field.value);
        }
        const std::scoped_lock lock(mutex_);
        entries_.push_back(std::move(made));
    }

    bool enabled(severity level) const override { return level >= least_; }

    std::vector<entry> entries() const {
        const std::scoped_lock lock(mutex_);
        return entries_;
    }

    // The entries of one event, oldest first.
    std::vector<entry> of(std::string_view event) const {
        auto found = entries();
        std::erase_if(found, [event](const entry& candidate) { return candidate.event != event; });
        return found;
    }

    std::size_t count(std::string_view event) const { return of(event).size(); }

    // Whether `text` stands anywhere in what was logged: for canaries that must not.
    bool mentions(std::string_view text) const {
        for (const auto& one : entries()) {
            if (one.event.find(text) != std::string::npos ||
                one.message.find(text) != std::string::npos) {
                return true;
            }
            for (const auto& [name, value] : one.fields) {
                if (value.find(text) != std::string::npos) {
                    return true;
                }
            }
        }
        return false;
    }

    void clear() {
        const std::scoped_lock lock(mutex_);
        entries_.clear();
    }

private:
    severity least_;
    mutable std::mutex mutex_;
    std::vector<entry> entries_;
};

}  // namespace onboardd::test
