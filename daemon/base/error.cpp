#include "onboardd/base/error.hpp"

namespace onboardd {
namespace {

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "onboardd"; }

    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
            case errc::timed_out:
                return "timed out";
            case errc::stale_job:
                return "the job has moved on";
            case errc::ledger_failed:
                return "the ledger failed and refuses writes";
            case errc::ledger_full:
                return "there is no room on the ledger's disk";
            case errc::ledger_locked:
                return "another process owns the ledger";
            case errc::damaged_row:
                return "the ledger's record is damaged: run onboardctl fsck";
            case errc::credential_refused:
                return "the provider refused the client credentials";
            case errc::token_malformed:
                return "unusable token answer";
            case errc::malformed_answer:
                return "malformed HTTP answer";
            case errc::answer_too_large:
                return "the answer exceeds its bound";
            case errc::too_many_interim:
                return "too many interim answers";
            case errc::send_deadline:
                return "the send deadline passed before the last byte";
            case errc::stale_connection:
                return "the peer closed the connection before the last byte";
            case errc::stopping:
                return "stopping";
            case errc::unsafe_request:
                return "unsafe bytes in a request target or header";
        }
        return "unknown error " + std::to_string(value);
    }
};

}  // namespace

const boost::system::error_category& error_category() noexcept {
    static const category instance;
    return instance;
}

}  // namespace onboardd
