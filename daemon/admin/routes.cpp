#include "daemon/admin/routes.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cctype>
#include <utility>

namespace onboardd::admin {

response plain(unsigned status, std::string_view text) {
    response made;
    made.status = status;
    made.body = std::string(text) + '\n';
    return made;
}

response json_answer(std::string body) {
    response made;
    made.content_type = "application/json";
    made.body = std::move(body) + '\n';
    return made;
}

void routes::add(verb method, std::string path, handler answer) {
    auto& place = entries_[std::move(path)];
    (method == verb::get ? place.get : place.post) = std::move(answer);
}

const routes::entry* routes::match(std::string_view path) const {
    if (const auto whole = entries_.find(path); whole != entries_.end()) {
        return &whole->second;
    }
    const entry* best = nullptr;  // they are sorted: of those that match, the longest comes last
    for (const auto& [name, candidate] : entries_) {
        if (name.size() > 1 && name.ends_with('/') && path.starts_with(name)) {
            best = &candidate;
        }
    }
    return best;
}

const handler* routes::find(verb method, std::string_view path, std::string& allowed) const {
    const auto* found = match(path);
    if (found == nullptr) {
        return nullptr;
    }
    const auto& wanted = method == verb::get ? found->get : found->post;
    if (wanted) {
        return &wanted;
    }
    allowed = found->get ? "GET, HEAD" : "POST";
    return nullptr;
}

bool names_this_machine(std::string_view host) {
    const bool bracketed = host.starts_with('[');
    const auto end = bracketed ? host.find(']') : host.find(':');
    if (bracketed && end == std::string_view::npos) {
        return false;
    }
    const auto name = host.substr(bracketed ? 1 : 0, end - (bracketed ? 1 : 0));
    const auto rest = end == std::string_view::npos ? "" : host.substr(end + (bracketed ? 1 : 0));
    const bool has_port = rest.starts_with(':') && rest.size() > 1 &&
                          std::ranges::all_of(rest.substr(1), [](unsigned char byte) {
                              return std::isdigit(byte) != 0;
                          });
    if (!rest.empty() && !has_port) {
        return false;
    }
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char byte) { return std::tolower(byte); });
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(lower, ec);
    return lower == "localhost" || (!ec && address.is_v6() == bracketed && address.is_loopback());
}

}  // namespace onboardd::admin
