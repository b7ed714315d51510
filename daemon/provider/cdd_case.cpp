#include "onboardd/provider/cdd_case.hpp"

#include <algorithm>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <utility>

#include "daemon/provider/read_case.hpp"

namespace onboardd {
namespace {

namespace json = boost::json;

constexpr std::size_t text_bytes_max = 4096;  // of one member that we keep

const json::object* object_at(const json::object& parent, std::string_view key) {
    const auto* value = parent.if_contains(key);
    return value == nullptr ? nullptr : value->if_object();
}

std::string text_at(const json::object& parent, std::string_view key,
                    std::size_t bytes_max = text_bytes_max) {
    const auto* value = parent.if_contains(key);
    const auto* text = value == nullptr ? nullptr : value->if_string();
    return text == nullptr || text->size() > bytes_max ? std::string() : std::string(*text);
}

bool is_plain_id(std::string_view text) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    };
    return !text.empty() && text.size() <= case_id_bytes_max && std::ranges::all_of(text, plain);
}

// https, a host, no credentials, only visible ASCII: fit to be shown and clicked.
bool is_plain_link(std::string_view text) {
    constexpr std::string_view scheme = "https://";
    if (!text.starts_with(scheme) || text.size() > contract_url_bytes_max) {
        return false;
    }
    const auto authority =
        text.substr(scheme.size(), text.find_first_of("/?#", scheme.size()) - scheme.size());
    const auto visible = [](char c) {
        return c > ' ' && c < '\x7f' && c != '"' && c != '<' && c != '>' && c != '\\';
    };
    return !authority.empty() && authority.find('@') == std::string_view::npos &&
           std::ranges::all_of(text, visible);
}

// Events are not promised to be in order: the greatest id is the newest, then the latest time.
using event_order = std::pair<std::int64_t, std::string>;

event_order order_of(const json::object& event) {
    const auto* id = event.if_contains("id");
    std::int64_t number = -1;
    if (id != nullptr && id->is_int64()) {
        number = id->get_int64();
    }
    return {number, text_at(event, "created_at")};
}

void read_events(const json::array& events, case_facts& facts) {
    event_order newest_status{INT64_MIN, {}};
    event_order newest_id = newest_status;
    event_order newest_link = newest_status;
    const auto keep = [](event_order& newest, const event_order& order, std::string value,
                         std::string& member) {
        if (!value.empty() && order >= newest) {
            newest = order;
            member = std::move(value);
        }
    };
    for (const auto& element : events) {
        const auto* event = element.if_object();
        if (event == nullptr) {
            continue;
        }
        const auto order = order_of(*event);
        keep(newest_status, order, text_at(*event, "case_status", case_id_bytes_max),
             facts.case_status);
        if (const auto* created = object_at(*event, "created")) {
            keep(newest_id, order, text_at(*created, "case_id", case_id_bytes_max), facts.case_id);
            auto link = text_at(*created, "contract_url", contract_url_bytes_max);
            keep(newest_link, order, is_plain_link(link) ? std::move(link) : std::string(),
                 facts.contract_url);
        }
    }
}

std::optional<std::vector<std::string>> read_products(const json::object& body) {
    const auto* value = body.if_contains("products");
    if (value == nullptr || !value->is_array()) {
        return std::nullopt;
    }
    std::vector<std::string> products;
    for (const auto& product : value->get_array()) {
        if (product.is_string()) {
            products.emplace_back(product.get_string());
        }
    }
    std::ranges::sort(products);
    return products;
}

// A place to parse in that costs no allocation for an answer of ordinary size.
class scratch {
public:
    json::storage_ptr storage() { return &resource_; }

private:
    unsigned char buffer_[16 * 1024];
    json::monotonic_resource resource_{buffer_, sizeof buffer_};
};

// A case may show again what it was opened with, further in.
constexpr std::size_t depth_max = 256;

json::value parse_quietly(std::string_view text, const json::storage_ptr& storage) {
    json::parse_options options;
    options.max_depth = depth_max;
    json::error_code ec;
    auto value = json::parse(text, ec, storage, options);
    return ec ? json::value(nullptr, storage) : std::move(value);
}

std::string first_field(const json::array& errors) {
    for (const auto& element : errors) {
        if (const auto* error = element.if_object()) {
            for (const char* key : {"field", "path", "property", "parameter"}) {
                if (auto name = text_at(*error, key, 256); !name.empty()) {
                    return name;
                }
            }
        }
    }
    return {};
}

}  // namespace

std::optional<cdd_case> read_case(const json::value& value) {
    const auto* body = value.if_object();
    if (body == nullptr) {
        return std::nullopt;
    }
    cdd_case found;
    found.facts.id = text_at(*body, "id");
    if (!is_plain_id(found.facts.id)) {
        return std::nullopt;
    }
    found.facts.created_at = text_at(*body, "created_at", 64);
    found.account_id = text_at(*body, "account_id", 64);
    found.products = read_products(*body);
    if (const auto* request = object_at(*body, "case_request")) {
        found.reference = text_at(*request, "referenceId");
        if (request->contains("organizationNumber")) {
            found.organization_number = text_at(*request, "organizationNumber");
        }
    }
    if (const auto* events = body->if_contains("events"); events != nullptr && events->is_array()) {
        read_events(events->get_array(), found.facts);
    }
    return found;
}

std::optional<cdd_case> parse_case(std::string_view text) {
    scratch place;
    return read_case(parse_quietly(text, place.storage()));
}

provider_error parse_error(std::string_view body) {
    scratch place;
    const auto value = parse_quietly(body, place.storage());
    const auto* document = value.if_object();
    const auto* error = document == nullptr ? nullptr : object_at(*document, "error");
    if (error == nullptr) {
        return {};
    }
    provider_error found;
    found.code = text_at(*error, "code");
    found.message = text_at(*error, "message", 64 * 1024);
    if (const auto* errors = error->if_contains("errors");
        errors != nullptr && !errors->is_null()) {
        found.details = json::serialize(*errors);
        if (errors->is_array()) {
            found.field = first_field(errors->get_array());
        }
    }
    return found;
}

}  // namespace onboardd
