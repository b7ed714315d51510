// The shipped example is a configuration, and what it says of defaults is true.

#include <gmock/gmock.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "read_values.hpp"

namespace onboardd::test {
namespace {

std::string example() {
    std::ifstream file(ONBOARDD_SOURCE_DIR "/etc/onboardd.yaml");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(Example, SaysTheDefaults) {
    account_config account;
    account.id = "T12345678";
    account.client_id = "my-client";
    account.client_secret_file = "/credentials/T12345678";
    account.defaults = R"({"products":["payout"],"case_request":{"checks":["KYC"],)"
                       R"("countryCode":"NO","requireContractSigning":true}})";
    config expected;
    expected.accounts.push_back(account);
    EXPECT_EQ(config_of(example(), {.credentials_directory = "/credentials"}), expected);
}

// What the reader says when the value in line `number` of the example is one that no range holds.
std::string refusals_of(const std::vector<std::string>& lines, std::size_t number) {
    std::string out;
    auto value = lines[number].find(": ") + 2;
    for (std::string wrong : {"99999999d", "99999999"}) {
        if (lines[number][value] == '[')
            wrong = '[' + wrong + ']';
        std::string text;
        for (std::size_t i = 0; i < lines.size(); ++i)
            text += (i == number ? lines[i].substr(0, value) + wrong : lines[i]) + '\n';
        for (const auto& fault : faults_of(text, {.credentials_directory = "/credentials"}))
            out += fault + '\n';
    }
    return out;
}

// The range at the end of a key's comment is the one that the reader enforces.
TEST(Example, SaysTheRanges) {
    const std::regex range(R"(([0-9.]+[a-zA-Z]*) to ([0-9.]+[a-zA-Z]*)[.;])");
    std::vector<std::string> lines;
    std::istringstream text(example());
    for (std::string line; std::getline(text, line);)
        lines.push_back(line);
    std::string last;
    int checked = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        bool comment = lines[i].find('#') != std::string::npos;
        std::smatch found;
        if (comment && std::regex_search(lines[i], found, range))
            last = "from " + found[1].str() + " to " + found[2].str();
        if (comment || last.empty())
            continue;
        EXPECT_THAT(refusals_of(lines, i), testing::HasSubstr(last)) << lines[i];
        last.clear();
        ++checked;
    }
    EXPECT_EQ(checked, 17);
}

TEST(Example, NamesEverySection) {
    for (auto key : {"provider", "accounts", "spool", "checks", "outcomes", "ledger", "retry",
                     "reconcile", "follow", "admin", "log"})
        EXPECT_NE(example().find(std::string("\n") + key + ":"), std::string::npos) << key;
}

}  // namespace
}  // namespace onboardd::test
