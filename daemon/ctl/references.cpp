#include "daemon/ctl/references.hpp"

#include <ostream>

#include "daemon/app/wiring.hpp"

namespace onboardd::ctl {

std::unique_ptr<ledger_reader> open_reader(const config& settings) {
    return open_ledger_reader(ledger_options_of(settings).file);
}

std::vector<identity> identities(ledger_reader& reader, const std::string& reference) {
    std::vector<identity> found;
    if (const auto slash = reference.find('/'); slash != std::string::npos) {
        found.emplace_back(reference.substr(0, slash), reference.substr(slash + 1));
        return found;
    }
    for (const auto& account : reader.accounts()) {
        found.emplace_back(account, reference);
    }
    return found;
}

void tell_damaged(output& to, const std::string& subject) {
    to.err << "onboardctl: " << shown(subject)
           << " is damaged in the ledger and not believed: run onboardctl fsck\n";
}

}  // namespace onboardd::ctl
