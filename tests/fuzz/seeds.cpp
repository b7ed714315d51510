#include "tests/fuzz/seeds.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>

#include "support/temporary_directory.hpp"

namespace onboardd::fuzz {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

void add_folder(std::vector<seed>& seeds, const fs::path& folder) {
    if (!fs::is_directory(folder)) {
        return;
    }
    const auto before = static_cast<std::ptrdiff_t>(seeds.size());
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.is_regular_file()) {
            seeds.push_back({entry.path().filename().string(), test::read_file(entry.path())});
        }
    }
    std::sort(seeds.begin() + before, seeds.end(),
              [](const seed& left, const seed& right) { return left.name < right.name; });
}

fs::path corpora() {
    const char* named = std::getenv("ONBOARDD_CORPORA");
    return named != nullptr ? fs::path(named) : fs::path(ONBOARDD_SHARED_CORPORA);
}

// The files hold bare line feeds, which are refused at once; this gives them what was meant.
std::string with_line_ends(std::string_view text) {
    std::string out;
    for (const char byte : text) {
        if (byte == '\n' && !out.ends_with('\r')) {
            out += '\r';
        }
        out += byte;
    }
    return out;
}

// Each string where a producer could put it: as a name, as a text, as a number.
void add_strings(std::vector<seed>& seeds, const fs::path& file) {
    if (!fs::is_regular_file(file)) {
        return;
    }
    const auto strings = json::parse(test::read_file(file));
    int number = 0;
    for (const auto& one : strings.as_array()) {
        const auto quoted = json::serialize(one);
        const std::string text(one.as_string());
        const auto name = "blns-" + std::to_string(number++);
        seeds.push_back({name, R"({"reference":)" + quoted +
                                   R"(,"case":{"case_for":{"payout_destination_name":)" + quoted +
                                   R"(},"products":["payout"],)" +
                                   (quoted.size() > 2 ? quoted + ":1}}" : R"("n":1}})")});
        seeds.push_back({name + "-bare", R"({"case":{"case_for":{},"n":)" + text + "}}"});
    }
}

}  // namespace

std::vector<seed> own_seeds(std::string_view target) {
    std::vector<seed> seeds;
    const fs::path here = fs::path(ONBOARDD_SOURCE_DIR) / "tests" / "fuzz";
    add_folder(seeds, here / "seeds" / target);
    add_folder(seeds, here / "findings" / target);
    return seeds;
}

std::vector<seed> foreign_seeds(std::string_view target) {
    std::vector<seed> seeds;
    if (target == "job_file") {
        add_strings(seeds, corpora() / "blns.json");
    } else if (target == "configuration") {
        add_folder(seeds, corpora() / "yaml" / "valid");
        add_folder(seeds, corpora() / "yaml" / "invalid");
    } else if (target == "http_answer") {
        add_folder(seeds, corpora() / "http");
        for (auto& one : seeds) {
            one.bytes = with_line_ends(one.bytes);
        }
    }
    return seeds;
}

}  // namespace onboardd::fuzz
