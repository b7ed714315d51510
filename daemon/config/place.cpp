#include "daemon/config/place.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <string_view>

#include <date/tz.h>

#include "daemon/config/limits.hpp"
#include "daemon/config/units.hpp"

namespace onboardd::reading {
namespace {

constexpr std::string_view unix_scheme = "unix:";

using string_reading = reading_of<std::string>;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_port(std::string_view text) {
    auto port = parse_digits(text);
    return port && *port >= 1 && *port <= 65535;
}

std::string wrong_with_url(const boost::urls::url_view& url) {
    if (url.scheme_id() != boost::urls::scheme::https)
        return "the scheme is not https; allowed: https only, since secrets travel";
    if (url.encoded_host().empty())
        return "no host; allowed: https://HOST[:PORT][/PATH]";
    if (url.has_userinfo())
        return "a user name or password within; allowed: https://HOST[:PORT][/PATH]";
    if (url.has_query())
        return "a query (?) within; allowed: https://HOST[:PORT][/PATH]";
    if (url.has_fragment())
        return "a fragment (#) within; allowed: https://HOST[:PORT][/PATH]";
    if (url.has_port() && !is_port(std::string_view(url.port().data(), url.port().size())))
        return "the port is out of range; allowed: from 1 to 65535";
    return {};
}

// Minutes since midnight from HH:MM.
std::optional<std::chrono::minutes> parse_time_of_day(std::string_view text) {
    if (text.size() != 5 || text[2] != ':')
        return std::nullopt;
    auto hours = parse_digits(text.substr(0, 2));
    auto minutes = parse_digits(text.substr(3));
    if (!hours || !minutes || *hours > 23 || *minutes > 59)
        return std::nullopt;
    return std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
}

std::string wrong_with_zone(const std::string& zone) {
    try {
        date::locate_zone(zone);
        return {};
    } catch (const std::exception&) {
        // Either the name is wrong or the machine has no time zones at all.
    }
    try {
        date::locate_zone("Etc/UTC");
    } catch (const std::exception&) {
        return "this machine has no time zone data; allowed: any zone, once tzdata is installed";
    }
    return "no time zone " + shown(zone) + "; allowed: a name as in Europe/Oslo";
}

}  // namespace

string_reading read_account_id(const yaml_node& node) {
    std::string_view id = node.text;
    bool good = id.size() == 9 && (id[0] == 'P' || id[0] == 'T') &&
                std::ranges::all_of(id.substr(1), is_digit);
    if (!good) {
        return string_reading::bad(shown(id) +
                                   " is not an account; allowed: P or T and eight digits");
    }
    return string_reading::good(node.text);
}

string_reading read_client_id(const yaml_node& node) {
    if (auto wrong = wrong_with_text(node.text, limits::text_bytes_max); !wrong.empty()) {
        return string_reading::bad(wrong);
    }
    if (node.text.find(':') != std::string::npos) {
        return string_reading::bad("a colon within; allowed: text without one (RFC 7617)");
    }
    return string_reading::good(node.text);
}

string_reading read_base_url(const yaml_node& node) {
    if (auto wrong = wrong_with_text(node.text, limits::url_bytes_max); !wrong.empty())
        return string_reading::bad(wrong);
    auto url = boost::urls::parse_uri(node.text);
    if (url.has_error())
        return string_reading::bad("not a URL; allowed: https://HOST[:PORT][/PATH]");
    if (auto wrong = wrong_with_url(*url); !wrong.empty())
        return string_reading::bad(wrong);
    auto text = "https" + node.text.substr(node.text.find(':'));
    while (text.ends_with('/'))
        text.pop_back();
    return string_reading::good(text);
}

string_reading read_ledger_url(const yaml_node& node) {
    static constexpr std::string_view scheme = "sqlite://";
    static constexpr std::string_view allowed = "; allowed: sqlite:///ABSOLUTE/PATH";
    std::string_view text = node.text;
    if (text.starts_with("postgresql://") || text.starts_with("postgres://"))
        return string_reading::bad("this build has no PostgreSQL ledger" + std::string(allowed));
    if (auto wrong = wrong_with_text(text, limits::url_bytes_max); !wrong.empty())
        return string_reading::bad(wrong);
    if (!text.starts_with(scheme))
        return string_reading::bad("not a ledger" + std::string(allowed));
    auto path = text.substr(scheme.size());
    if (!path.starts_with('/') || path.ends_with('/'))
        return string_reading::bad("not the absolute path of a file" + std::string(allowed));
    if (path.find_first_of("?#%") != std::string_view::npos)
        return string_reading::bad("one of ? # % in the path" + std::string(allowed));
    return string_reading::good(node.text);
}

string_reading read_http_address(const yaml_node& node) {
    static constexpr std::string_view allowed =
        "; allowed: HOST:PORT with the host localhost, 127.0.0.1 or [::1], or unix:/PATH";
    std::string_view text = node.text;
    if (text.starts_with(unix_scheme)) {
        auto path = text.substr(unix_scheme.size());
        bool usable =
            path.starts_with('/') && path.size() > 1 && path.size() <= limits::socket_bytes_max;
        return usable ? string_reading::good(node.text)
                      : string_reading::bad(shown(text) + " has no absolute path of at most " +
                                            std::to_string(limits::socket_bytes_max) + " bytes" +
                                            std::string(allowed));
    }
    auto colon = text.rfind(':');
    if (colon == std::string_view::npos || !is_port(text.substr(colon + 1))) {
        return string_reading::bad(shown(text) + " has no port from 1 to 65535" +
                                   std::string(allowed));
    }
    auto host = text.substr(0, colon);
    bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    auto address = boost::asio::ip::make_address(std::string(host), error);
    bool good = host == "localhost" ? !bracketed : !error && address.is_v6() == bracketed;
    if (!good)
        return string_reading::bad(shown(text) + " is not an address" + std::string(allowed));
    if (host != "localhost" && !address.is_loopback()) {
        return string_reading::bad(shown(text) + " can be reached from other machines" +
                                   std::string(allowed));
    }
    return string_reading::good(node.text);
}

reading_of<time_window> read_window(const yaml_node& node) {
    using window_reading = reading_of<time_window>;
    static constexpr std::string_view allowed = "; allowed: as in \"01:00-05:30 Europe/Oslo\"";
    std::string_view text = node.text;
    if (text.size() < 13 || text[5] != '-' || text[11] != ' ')
        return window_reading::bad(shown(text) + " is not a window" + std::string(allowed));
    auto from = parse_time_of_day(text.substr(0, 5));
    auto to = parse_time_of_day(text.substr(6, 5));
    if (!from || !to) {
        return window_reading::bad(shown(text) + " has no times from 00:00 to 23:59" +
                                   std::string(allowed));
    }
    if (*from == *to) {
        return window_reading::bad(
            "the window is empty; allowed: two different times, or null for always");
    }
    time_window window{*from, *to, std::string(text.substr(12))};
    if (auto wrong = wrong_with_zone(window.zone); !wrong.empty())
        return window_reading::bad(wrong);
    return window_reading::good(window);
}

}  // namespace onboardd::reading
