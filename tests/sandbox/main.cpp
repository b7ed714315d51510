// onboardd-sandbox: a stand-in for the provider over real TLS, for the demo, the tests and the
// benchmarks. It keeps everything in memory, plays faults on request, and tells through its control
// port (control.hpp) what happened.

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "control.hpp"
#include "server.hpp"

namespace onboardd::sandbox {
namespace {

using asio::ip::tcp;

struct program_options {
    std::string listen = "127.0.0.1:8443";
    std::string control_at;
    std::string certificate;
    std::string key;
    std::string tls = "1.2";
    std::string ready_file;
    std::string script_file;
    std::string base_path = "/v1";
};

constexpr const char* control_help =
    "\nThe control port (plain HTTP, JSON):\n"
    "  GET  /summary                             everything counted\n"
    "  GET  /cases?account=A&reference=R         the cases of a reference\n"
    "  GET  /requests?account=A&reference=R      the POSTs that came for it\n"
    "  GET  /references?account=A&after=N        all references, 10000 at a time\n"
    "  GET  /settings                            all switches\n"
    "  POST /settings {\"latency\": 20}            changes switches, written as above\n"
    "  POST /script {\"R\": [\"500-after\", \"ok\"]}   one fault for each POST of R (or A/R)\n"
    "  POST /status {\"account\", \"reference\" or \"id\", \"case_status\"}  moves a case on\n"
    "  POST /preload {\"account\", \"reference\": \"R-\", \"count\", \"case\"}  cases R-0, ...\n"
    "  POST /revoke | /disconnect | /reset       tokens | connections | all that happened\n";

std::string footer() {
    std::string text =
        "\nFaults; p: POST, t: token, l: list and single read; (=VALUE) and its default:\n";
    for (const auto& kind : fault_catalogue()) {
        const auto value = kind.value == half ? "=half" : "=" + std::to_string(kind.value);
        std::string name(kind.name);
        name +=
            kind.value != 0 || kind.name == "late-create" || kind.name == "expires-in" ? value : "";
        name.resize(std::max<std::size_t>(name.size() + 1, 24), ' ');
        text += "  ";
        text += (kind.where & on_post) != 0 ? 'p' : '-';
        text += (kind.where & on_token) != 0 ? 't' : '-';
        text += (kind.where & on_list) != 0 ? 'l' : '-';
        text.append(" ").append(name).append(kind.help).append("\n");
    }
    text += "Short for some of them: 429, 500, 503, cut, html.\n";
    return text + control_help;
}

tcp::endpoint endpoint_of(const std::string& text) {
    const auto colon = text.rfind(':');
    const auto port = colon == std::string::npos ? -1 : std::stoi(text.substr(colon + 1));
    if (port < 0 || port > 65535) {
        throw std::invalid_argument("an address is HOST:PORT: " + text);
    }
    return {asio::ip::make_address(text.substr(0, colon)), static_cast<std::uint16_t>(port)};
}

asio::ssl::context make_tls(const program_options& options) {
    asio::ssl::context tls(asio::ssl::context::tls_server);
    tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_compression);
    ::SSL_CTX_set_min_proto_version(tls.native_handle(),
                                    options.tls == "1.3" ? TLS1_3_VERSION : TLS1_2_VERSION);
    if (options.tls == "1.2-only") {
        ::SSL_CTX_set_max_proto_version(tls.native_handle(), TLS1_2_VERSION);
    }
    tls.use_certificate_chain_file(options.certificate);
    tls.use_private_key_file(options.key, asio::ssl::context::pem);
    return tls;
}

// Renamed into place: who waits for it never reads a half.
void write_ready_file(const std::string& name, const std::string& text) {
    const std::string temporary = name + ".tmp";
    std::ofstream file(temporary);
    file << text << "\n";
    file.close();
    if (!file) {
        throw std::runtime_error("cannot write " + temporary);
    }
    std::filesystem::rename(temporary, name);
}

std::string read_file(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    if (!file) {
        throw std::runtime_error("cannot read " + name);
    }
    return {std::istreambuf_iterator<char>(file), {}};
}

// What the command line got wrong is a usage error.
template <class Action>
void checked(Action&& act) {
    try {
        act();
    } catch (const std::invalid_argument& ex) {
        throw CLI::ValidationError(ex.what());
    }
}

void add_switches(CLI::App& app, settings& how) {
    for (const auto& entry : switches()) {
        const auto take = [&how, set = entry.set](const std::vector<std::string>& texts) {
            std::string joined;
            for (const auto& text : texts) {
                joined += (joined.empty() ? "" : ",") + text;
            }
            checked([&] { set(how, joined); });
        };
        const auto shown = entry.show(how);
        app.add_option_function<std::vector<std::string>>(
               "--" + std::string(entry.name), take,
               std::string(entry.help) + (shown.empty() ? "" : " [" + shown + "]"))
            ->type_name(std::string(entry.values))
            ->allow_extra_args(false);
    }
}

void add_options(CLI::App& app, program_options& options, world& the_world) {
    app.footer(footer());
    app.set_version_flag("--version", "onboardd-sandbox " ONBOARDD_VERSION);
    app.add_option("--listen", options.listen, "address of the provider; port 0: any free one")
        ->capture_default_str();
    app.add_option("--control", options.control_at, "address of the control port; none by default");
    app.add_option("--cert", options.certificate, "PEM file with the server's chain")->required();
    app.add_option("--key", options.key, "PEM file with its key")->required();
    app.add_option("--tls", options.tls, "lowest version, or 1.2-only")
        ->check(CLI::IsMember({"1.2", "1.3", "1.2-only"}))
        ->capture_default_str();
    app.add_option("--ready-file", options.ready_file,
                   R"(written when both ports are open: {"url", "control"})");
    app.add_option("--base-path", options.base_path, "before /accounts")->capture_default_str();
    app.add_option("--script", options.script_file, "faults per reference, as for POST /script")
        ->check(CLI::ExistingFile);
    const auto allow = [&](const std::vector<std::string>& clients) {
        for (const auto& client : clients) {
            checked([&] { the_world.tokens.allow(client); });
        }
    };
    app.add_option_function<std::vector<std::string>>(
           "--client", allow, "accept only such clients; may be repeated [any]")
        ->type_name("ACCOUNT:CLIENT_ID:SECRET")
        ->allow_extra_args(false);
    add_switches(app, the_world.how);
}

int run(const program_options& options, world& the_world) {
    auto tls = make_tls(options);
    asio::io_context loop(1);
    server front(loop, the_world, tls);
    control back(loop, front);
    if (!options.script_file.empty()) {
        read_scripts(read_file(options.script_file), the_world.how.scripts);
    }
    the_world.base_path = options.base_path;
    front.open(endpoint_of(options.listen));
    const auto port = std::to_string(front.port());
    the_world.elsewhere_url = "https://127.0.0.1:" + port + "/elsewhere";
    std::string ready = R"({"url": "https://localhost:)" + port + options.base_path + "\"";
    if (!options.control_at.empty()) {
        back.open(endpoint_of(options.control_at));
        ready += R"(, "control": "http://127.0.0.1:)" + std::to_string(back.port()) + "\"";
    }
    ready += "}";
    front.apply_listening();
    std::cout << ready << std::endl;
    if (!options.ready_file.empty()) {
        write_ready_file(options.ready_file, ready);
    }
    asio::signal_set signals(loop, SIGTERM, SIGINT);
    signals.async_wait([&](error_code, int) { loop.stop(); });
    loop.run();
    return 0;
}

}  // namespace
}  // namespace onboardd::sandbox

int main(int count, char** arguments) {
    namespace sandbox = onboardd::sandbox;
    CLI::App app(
        "A stand-in for the provider: tokens and CDD cases over TLS, with faults on request.");
    sandbox::program_options options;
    sandbox::world the_world;
    try {
        sandbox::add_options(app, options, the_world);
        app.parse(count, arguments);
        return sandbox::run(options, the_world);
    } catch (const CLI::ParseError& ex) {
        return app.exit(ex) == 0 ? 0 : 2;
    } catch (const std::exception& ex) {
        std::cerr << "onboardd-sandbox: " << ex.what() << "\n";
        return 1;
    }
}
