#include "daemon/spool/job_checks.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "daemon/spool/json_faults.hpp"

namespace onboardd::spooling {
namespace json = boost::json;
namespace {

bool is_digit(char byte) noexcept {
    return byte >= '0' && byte <= '9';
}

bool is_letter_or_digit(char byte) noexcept {
    return is_digit(byte) || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

const json::string* text_at(const json::object& object, json::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr ? value->if_string() : nullptr;
}

std::string_view view_of(const json::string& text) {
    return {text.data(), text.size()};
}

void add(std::vector<job_fault>& faults, std::string pointer, std::string_view message,
         std::string_view allowed) {
    job_fault fault;
    fault.message = message;
    fault.allowed = allowed;
    fault.pointer = std::move(pointer);
    add_fault(faults, std::move(fault));
}

void check_case_request(const json::object& request, const checks_config& checks,
                        std::vector<job_fault>& faults) {
    constexpr std::string_view here = "/case/case_request";
    const auto* country = text_at(request, "countryCode");
    if (checks.country_codes && country != nullptr && !is_country(view_of(*country))) {
        add(faults, pointer_to(here, "countryCode"), "this is not a country",
            "ISO 3166-1 alpha-2: two capital letters, for example NO");
    }
    const auto* number = text_at(request, "organizationNumber");
    if (checks.organization_numbers && number != nullptr && country != nullptr &&
        *country == "NO" && !is_norwegian_organization_number(view_of(*number))) {
        add(faults, pointer_to(here, "organizationNumber"),
            "this is not a Norwegian organization number",
            "9 digits of which the last is the check digit");
    }
    const auto* callback = text_at(request, "callbackUrl");
    if (checks.callback_urls && callback != nullptr && !is_https_url(view_of(*callback))) {
        add(faults, pointer_to(here, "callbackUrl"), "this is not an https URL",
            "https:// and a host, without user name or password");
    }
}

void check_currencies(const json::array& currencies, std::string_view pointer,
                      std::vector<job_fault>& faults) {
    for (std::size_t i = 0; i < currencies.size(); ++i) {
        const auto* code = currencies[i].if_string();
        if (code != nullptr && !is_currency(view_of(*code))) {
            add(faults, pointer_to(pointer, std::to_string(i)), "this is not a currency",
                "ISO 4217: three capital letters, for example NOK");
        }
    }
}

void check_payment_options(const json::array& options, std::vector<job_fault>& faults) {
    for (std::size_t i = 0; i < options.size(); ++i) {
        const auto* option = options[i].if_object();
        const auto* currencies = option != nullptr ? option->if_contains("currencies") : nullptr;
        if (currencies != nullptr && currencies->is_array()) {
            const auto pointer = pointer_to("/case/payment_options", std::to_string(i));
            check_currencies(currencies->get_array(), pointer_to(pointer, "currencies"), faults);
        }
    }
}

}  // namespace

bool is_norwegian_organization_number(std::string_view text) noexcept {
    constexpr int weights[] = {3, 2, 7, 6, 5, 4, 3, 2};
    if (text.size() != 9 || !std::all_of(text.begin(), text.end(), is_digit)) {
        return false;
    }
    int sum = 0;
    for (std::size_t i = 0; i < std::size(weights); ++i) {
        sum += weights[i] * (text[i] - '0');
    }
    const int check =
        (11 - sum % 11) % 11;  // 10 cannot be written as one digit: such numbers are not given out
    return check == text[8] - '0';
}

bool is_https_url(std::string_view text) {
    const auto url = boost::urls::parse_uri(text);
    return url.has_value() && url->scheme_id() == boost::urls::scheme::https &&
           !url->host().empty() && !url->has_userinfo();
}

bool is_reference(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 64 && is_letter_or_digit(text.front()) &&
           std::all_of(text.begin(), text.end(), [](char byte) {
               return is_letter_or_digit(byte) || byte == '.' || byte == '_' || byte == '-';
           });
}

void check_case(const json::value& merged, const checks_config& checks,
                std::vector<job_fault>& faults) {
    const auto* object = merged.if_object();
    if (object == nullptr) {
        return;
    }
    if (const auto* request = object->if_contains("case_request");
        request != nullptr && request->is_object()) {
        check_case_request(request->get_object(), checks, faults);
    }
    const auto* options = object->if_contains("payment_options");
    if (checks.currencies && options != nullptr && options->is_array()) {
        check_payment_options(options->get_array(), faults);
    }
}

}  // namespace onboardd::spooling
