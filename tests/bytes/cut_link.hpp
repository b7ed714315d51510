#pragma once

// One exchange of the real HTTP client over a real TCP connection and TLS, in one thread, through a
// wire that ends at any byte a test names. Nothing waits: each step of client, wire and server is
// taken by hand, so a cut is always where it was asked for.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/http/exchange.hpp"
#include "http/certificates.hpp"
#include "support/manual_clock.hpp"

namespace onboardd::test {

// How the connection ends once its last byte is through.
enum class ending : std::uint8_t {
    close_notify,  // TLS says goodbye, then FIN
    fin,           // FIN alone
    reset,         // RST
    stall,         // nothing more; the client's time limit ends it
    garbage,       // bytes that are no TLS, then FIN
};
inline constexpr ending all_endings[] = {ending::close_notify, ending::fin, ending::reset,
                                         ending::stall, ending::garbage};

enum class cut_place : std::uint8_t {
    request_blocked,    // the wire takes so many bytes of the request and lets the client know
    request_swallowed,  // the wire takes the whole request and delivers so many bytes of it
    answer,             // so many bytes of the answer arrive
    answer_plaintext,   // so many decrypted bytes of it, in whole TLS records
};

struct cut {
    cut_place place = cut_place::answer;
    std::size_t offset = 0;
    ending how = ending::fin;
};

struct observation {
    result<http::response, http::failure> answer;
    bool whole_request = false;  // the server had its last byte
    bool hung = false;           // the exchange did not end although the connection had
};

// The sizes of one exchange on the wire.
struct wire_sizes {
    std::size_t before_last_byte = 0;  // of the request: all records but that of its last byte
    std::size_t request = 0;
    std::size_t answer = 0;
};

class cut_link {
public:
    cut_link(int tls_version, http::request message);

    // `answer` goes in TLS records of at most `record_bytes`.
    wire_sizes measure(const std::string& answer, std::size_t record_bytes);
    observation meet(const cut& where, const std::string& answer, std::size_t record_bytes);

private:
    class session;

    // nullopt: the cut was none, see session::came_whole().
    std::optional<observation> try_to_meet(const cut& where, const std::string& answer,
                                           std::size_t record_bytes);

    authority authority_;
    http::tls_context client_;
    http::ssl_ctx_ptr server_;
    http::request message_;
    manual_clock time_;
};

}  // namespace onboardd::test
