#pragma once

// What tests ask for afterwards.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

namespace onboardd::sandbox {

struct statistics {
    std::uint64_t connections_accepted = 0;
    std::uint64_t connections_open = 0;
    std::uint64_t connections_open_max = 0;
    std::uint64_t handshakes_failed = 0;
    std::uint64_t requests = 0;      // with a whole header, of any kind
    std::uint64_t requests_cut = 0;  // the client went away before the request was whole
    std::uint64_t lists_served = 0;
    std::uint64_t reads_served = 0;  // of one case
    std::uint64_t elsewhere = 0;     // to no path of the API: a followed redirect, for one
    std::uint64_t in_flight = 0;
    std::uint64_t in_flight_max = 0;
    std::map<std::string, std::uint64_t>
        posts_by_status;  // "none": no answer, "broken": a part of one
    std::map<std::string, std::uint64_t> token_requests_by_status;
    std::map<std::string, std::uint64_t> faults_played;
};

// One number that goes up and down, and its greatest value.
class counted {
public:
    counted(std::uint64_t& now, std::uint64_t& greatest) : now_(now) {
        greatest = std::max(greatest, ++now_);
    }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --now_; }

private:
    std::uint64_t& now_;
};

}  // namespace onboardd::sandbox
