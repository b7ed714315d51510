#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <vector>

#include "onboardd/provider/cdd_case.hpp"
#include "tests/fuzz/target.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONBOARDD_COUNTS_MEMORY 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ONBOARDD_COUNTS_MEMORY 1
#endif
#ifdef ONBOARDD_COUNTS_MEMORY
// GCC 12 ships no header for it.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): the sanitizer's name
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace onboardd::fuzz {
namespace {

namespace json = boost::json;

struct reading {
    std::vector<std::string> ids;
    bool sound = false;
    bool says_more = false;
    error_code ec;

    bool operator==(const reading&) const = default;
};

std::string name_of(const cdd_case& found) {
    return found.facts.id + ' ' + found.reference + ' ' + found.facts.contract_url;
}

reading read(std::string_view text, random_source* pieces) {
    reading seen;
    case_list_parser parser([&seen](const cdd_case& found) {
        seen.ids.push_back(name_of(found));
        return error_code();
    });
    while (!text.empty() && !seen.ec) {
        const auto size = pieces != nullptr ? piece_size(text.size(), *pieces) : text.size();
        seen.ec = parser.write(text.substr(0, size));
        text.remove_prefix(size);
    }
    if (!seen.ec) {
        seen.ec = parser.finish();
    }
    if (!seen.ec) {
        seen.sound = parser.sound();
        seen.says_more = parser.says_more();
    }
    return seen;
}

// Boost's reader of whole documents, as the second opinion.
void check_array(const json::value& document, const reading& seen) {
    const auto* array = document.if_array();
    if (array == nullptr) {
        return;
    }
    promise(!seen.ec, "an array that is not read");
    std::vector<std::string> cases;
    for (const auto& element : *array) {
        if (const auto found = parse_case(json::serialize(element))) {
            cases.push_back(name_of(*found));
        }
    }
    promise(seen.ids == cases, "an element that is read wrongly");
    promise(seen.sound == (cases.size() == array->size()), "a list that hides an element");
}

// A hundred times the same case takes no more memory than twice.
void check_memory([[maybe_unused]] std::string_view element) {
#ifdef ONBOARDD_COUNTS_MEMORY
    std::size_t after_two = 0;
    case_list_parser parser([](const cdd_case&) { return error_code(); });
    promise(!parser.write("["), "the start of a list is refused");
    for (int i = 0; i < 100; ++i) {
        promise(!parser.write(element) && !parser.write(i < 99 ? "," : "]"),
                "an element is read alone, but not in a list");
        if (i == 1) {
            after_two = __sanitizer_get_current_allocated_bytes();
        }
    }
    const auto most = __sanitizer_get_current_allocated_bytes();
    promise(!parser.finish(), "a list is not read to its end");
    promise(most <= after_two + 4096, "memory grows with the list");
#endif
}

}  // namespace

void case_list(std::string_view bytes) {
    auto random = chance_of(bytes);
    const auto whole = read(bytes, nullptr);
    promise(read(bytes, &random) == whole, "pieces change the list");
    json::error_code failed;
    const auto document = json::parse(json::string_view(bytes.data(), bytes.size()), failed);
    promise(!failed || whole.ec, "a list that is no JSON is believed");
    if (!failed) {
        check_array(document, whole);
        if (document.is_object()) {
            check_memory(bytes);
        }
    }
}

}  // namespace onboardd::fuzz
