#include "onboardd/engine/engine.hpp"

namespace onboardd {

std::uint64_t engine_status::open() const {
    std::uint64_t sum = 0;
    for (const auto state : all_job_states) {
        sum += is_open(state) ? of(state) : 0;
    }
    return sum;
}

std::uint64_t engine_status::ended() const {
    std::uint64_t sum = 0;
    for (const auto state : all_job_states) {
        sum += is_final(state) ? reached[static_cast<std::size_t>(state)] : 0;
    }
    return sum;
}

std::string_view to_string(account_pause why) noexcept {
    switch (why) {
        case account_pause::none:
            return "";
        case account_pause::credential_refused:
            return "the credential is refused";
        case account_pause::forbidden:
            return "the provider answers 403";
        case account_pause::asked_to_wait:
            return "the provider asked to wait";
        case account_pause::by_operator:
            return "by an operator";
    }
    return "";
}

std::string_view name_of(account_pause why) noexcept {
    switch (why) {
        case account_pause::none:
            return "none";
        case account_pause::credential_refused:
            return "credential_refused";
        case account_pause::forbidden:
            return "forbidden";
        case account_pause::asked_to_wait:
            return "asked_to_wait";
        case account_pause::by_operator:
            return "by_operator";
    }
    return "none";
}

}  // namespace onboardd
