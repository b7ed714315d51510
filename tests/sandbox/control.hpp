#pragma once

// The control port: plain HTTP on loopback, through which a test looks behind the provider's
// addresses and changes how it behaves. Answers are JSON; a request that cannot be obeyed gets 400
// and changes nothing.
//
//   GET  /summary                              everything counted: cases, references and those with
//   several cases,
//                                              POSTs by status, tokens, lists, requests in flight,
//                                              connections
//   GET  /cases?account=A&reference=R          the cases of one reference, as the provider shows
//   them; without
//                                              account: of all accounts
//   GET  /requests?account=A&reference=R       the POSTs that came for it: status, fault, body (at
//   most 20 are kept) GET  /references?account=A&after=N         {"account", "reference", "cases",
//   "requests"} of all references that
//                                              were ever seen, 10,000 at a time
//   GET  /snapshot                             all cases, in their order, as POST /load takes them
//   GET  /settings                             all switches and their values
//   POST /settings  {"latency": 20, ...}       changes switches, named and written as on the
//   command line POST /script    {"R": ["500-after", "ok"]} one fault for each POST of R (or A/R),
//   then none POST /status    {"account", "reference" or "id", "case_status"}  moves a case on
//   POST /preload   {"account", "reference": "R-", "count", "case"}   cases R-0, R-1, ... without
//   a POST for each
//   POST /revoke                               makes all tokens invalid POST /disconnect closes all
//   connections of the provider POST /reset                                forgets cases, requests,
//   counts, tokens and scripts; keeps switches
//   POST /load      [{...}, ...]               as /reset, then has the first cases of a snapshot

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "server.hpp"

namespace onboardd::sandbox {

class control {
public:
    control(asio::io_context& loop, server& of) : loop_(loop), server_(of), acceptor_(loop) {}

    // Throws boost::system::system_error.
    void open(const asio::ip::tcp::endpoint& at);
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
    asio::awaitable<void> accept();
    asio::awaitable<void> serve(asio::ip::tcp::socket socket);
    reply answer(const request_reader& request);
    reply answer_get(const request_reader& request);
    reply answer_post(const request_reader& request);

    std::string summary() const;
    std::string cases(std::string_view query) const;
    std::string requests(std::string_view query) const;
    std::string references(std::string_view query) const;
    std::string snapshot() const;
    std::string show_settings() const;
    void change_settings(std::string_view json);
    void change_status(std::string_view json);
    void preload(std::string_view json);
    void forget();
    void load(std::string_view json);

    asio::io_context& loop_;
    server& server_;
    asio::ip::tcp::acceptor acceptor_;
};

}  // namespace onboardd::sandbox
