// onboardd-generate: writes job files as a producer would, for tests, the demo and the benchmarks.
// All people and companies in them are invented; the same seed gives the same files.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct generate_options {
    std::filesystem::path out;
    std::uint64_t count = 10;
    std::vector<std::string> accounts{"T12345678"};
    std::uint64_t jsonl = 0;
    std::uint64_t refused = 0;
    std::uint64_t bad_files = 0;
    std::string prefix = "seller";
    std::string batch;
    std::uint64_t first = 1;
    std::uint64_t seed = 1;
    std::size_t bytes = 1024;
};

constexpr std::array<std::string_view, 24> places{
    "Fjell",     "Nordlys",  "Bjørnøya",   "Ålesund",  "Sørlandet", "Lofot",
    "Hardanger", "Østmarka", "Varanger",   "Røros",    "Trøndelag", "Sogn",
    "Jæren",     "Finnmark", "Vesterålen", "Telemark", "Gudbrand",  "Tromsø",
    "Setesdal",  "Valdres",  "Helgeland",  "Hitra",    "Frøya",     "Senja"};
constexpr std::array<std::string_view, 16> trades{
    "Bakeri",   "Sykkel & Ski", "Keramikk", "Kaffebrenneri", "Ullvare",  "Bokhandel",
    "Gartneri", "Båtutstyr",    "Møbler",   "Fiskemat",      "Hudpleie", "Verktøy",
    "Design",   "Sjokolade",    "Friluft",  "Instrument"};
constexpr std::array<std::string_view, 4> forms{"AS", "ANS", "DA", "ENK"};
constexpr std::array<std::string_view, 16> first_names{
    "Ingrid", "Åse",  "Øystein", "Bjørn", "Solveig", "Håkon", "Märta", "Sindre",
    "Liv",    "Tora", "Eirik",   "Guro",  "Njål",    "Ragna", "Aslak", "Yngvild"};
constexpr std::array<std::string_view, 16> family_names{
    "Haugen", "Sæther",  "Lien", "Brekke", "Ødegård", "Myhre",  "Åsen",  "Tveit",
    "Moe",    "Rønning", "Vik",  "Nygård", "Strand",  "Fossum", "Kvåle", "Dahl"};
constexpr std::array<std::string_view, 8> sentences{
    "Sells its own goods on the market place and ships from its own stock. ",
    "Two people work here, all year; more help in before Christmas. ",
    "Offers customers in Norway and Sweden thirty days to send things back. ",
    "Took over the shop from the former owner, who stays on as an adviser. ",
    "Makes everything by hand; a few pieces a week leave the workshop. ",
    "Asks for weekly payouts and a report with each of them. ",
    "Has sold at fairs until now and wants to begin with cards. ",
    "Keeps its books with an accountant in the same street. "};

class writer {
public:
    explicit writer(const generate_options& options)
        : options_(options), random_(options.seed), directory_(options.out) {
        if (!options.batch.empty()) {
            directory_ /= options.batch;
        }
        std::filesystem::create_directories(directory_);
    }

    void run() {
        std::string lines;
        for (std::uint64_t at = 0; at < options_.count; ++at) {
            const auto number = options_.first + at;
            // Spread over the whole run: a test sees refusals early and late.
            const bool refused = (at + 1) * options_.refused / options_.count !=
                                 at * options_.refused / options_.count;
            const auto reference = options_.prefix + "-" + padded(number);
            const auto job = make_job(reference, account_of(at), refused);
            if (at < options_.jsonl) {
                lines += job + "\n";
            } else {
                hand_off(reference + ".json", job);
            }
        }
        if (!lines.empty()) {
            hand_off(options_.prefix + ".jsonl", lines);
        }
        for (std::uint64_t at = 0; at < options_.bad_files; ++at) {
            hand_off(options_.prefix + "-bad-" + padded(at + 1) + ".json", bad_file(at));
        }
    }

private:
    template <std::size_t Count>
    std::string_view any(const std::array<std::string_view, Count>& of) {
        return of[random_() % Count];
    }

    const std::string& account_of(std::uint64_t at) const {
        return options_.accounts[at % options_.accounts.size()];
    }

    static std::string padded(std::uint64_t number) {
        auto text = std::to_string(number);
        return std::string(text.size() < 6 ? 6 - text.size() : 0, '0') + text;
    }

    // Eight digits and a check digit, weights 3 2 7 6 5 4 3 2, modulo 11; 10 has no digit and is
    // not given out.
    std::string organization_number() {
        constexpr std::array<unsigned, 8> weights{3, 2, 7, 6, 5, 4, 3, 2};
        while (true) {
            auto text = std::to_string(80'000'000 + random_() % 20'000'000);
            unsigned sum = 0;
            for (std::size_t at = 0; at < weights.size(); ++at) {
                sum += weights[at] * static_cast<unsigned>(text[at] - '0');
            }
            const unsigned check = (11 - sum % 11) % 11;
            if (check < 10) {
                return text + std::to_string(check);
            }
        }
    }

    std::string make_job(const std::string& reference, const std::string& account, bool refused) {
        const std::string name = std::string(any(places)) + " " + std::string(any(trades)) + " " +
                                 std::string(any(forms));
        const std::string person =
            std::string(any(first_names)) + " " + std::string(any(family_names));
        std::string job =
            R"({"account":")" + account + R"(","reference":")" + reference +
            R"(","case":{"case_for":{"account_id":")" + account + R"(","payout_destination_id":")" +
            (refused ? "refuse-" : "") + reference + R"(","payout_destination_name":")" + name +
            R"(","payout_destination_description":")" + name +
            " on the market place\",\"payout_reference\":\"Marketplace\"},"
            "\"products\":[\"payout\"],\"case_request\":{\"checks\":[\"KYC\"],"
            "\"countryCode\":\"NO\",\"organizationNumber\":\"" +
            organization_number() + R"(","requireContractSigning":true,"details":{"contact":")" +
            person + R"(","email":"post@)" + reference + R"(.example","story":")";
        const std::string end =
            "\"}},\"actions_on_approval\":[\"create_payout_destination\"],\"payment_options\":"
            "[{\"currencies\":[\"NOK\"],\"type\":\"dintero.zero\"}]}}";
        while (job.size() + end.size() + 60 < options_.bytes) {
            job += any(sentences);
        }
        return job + end;
    }

    std::string bad_file(std::uint64_t at) {
        switch (at % 5) {
            case 0:
                return "this is not JSON";
            case 1:
                return R"({"account":")" + account_of(at) + R"(","reference":"cut-off","case":{)";
            case 2:
                return R"({"account":")" + account_of(at) + R"(","reference":"no-case"})";
            case 3:
                return R"({"account":"not an account","reference":"r","case":{}})";
            default:
                return "[1, 2, 3]";
        }
    }

    // As producers should: a name that is ignored first, then the rename.
    void hand_off(const std::string& name, const std::string& text) {
        const auto temporary = directory_ / ("." + name + ".tmp");
        std::ofstream file(temporary, std::ios::binary);
        file << text;
        file.close();
        if (!file) {
            throw std::runtime_error("cannot write " + temporary.string());
        }
        std::filesystem::rename(temporary, directory_ / name);
    }

    const generate_options& options_;
    std::mt19937_64 random_;
    std::filesystem::path directory_;
};

void add_options(CLI::App& app, generate_options& options) {
    app.set_version_flag("--version", "onboardd-generate " ONBOARDD_VERSION);
    app.add_option("--out", options.out, "the spool's incoming directory; made if it is missing")
        ->required();
    app.add_option("--count", options.count, "jobs")->capture_default_str();
    app.add_option("--accounts", options.accounts, "by turns")->delimiter(',');
    app.add_option("--jsonl", options.jsonl, "so many of them as lines of one file PREFIX.jsonl");
    app.add_option("--refused", options.refused, "so many of them are refused by the sandbox");
    app.add_option("--bad-files", options.bad_files,
                   "files besides them that are no jobs: not JSON, cut off, wrong schema");
    app.add_option("--prefix", options.prefix, "references are PREFIX-000001...")
        ->capture_default_str();
    app.add_option("--batch", options.batch, "a directory of this name within --out");
    app.add_option("--first", options.first, "number of the first reference")
        ->capture_default_str();
    app.add_option("--bytes", options.bytes, "size of a job, about")->capture_default_str();
    app.add_option("--seed", options.seed, "of all that is random")->capture_default_str();
}

}  // namespace

int main(int count, char** arguments) {
    CLI::App app(
        "Writes job files for onboardd: invented sellers with valid organization numbers.");
    generate_options options;
    add_options(app, options);
    try {
        app.parse(count, arguments);
        writer(options).run();
    } catch (const CLI::ParseError& ex) {
        return app.exit(ex) == 0 ? 0 : 2;
    } catch (const std::exception& ex) {
        std::cerr << "onboardd-generate: " << ex.what() << "\n";
        return 1;
    }
    std::cout << "{\"jobs\": " << options.count << ", \"refused\": " << options.refused
              << ", \"bad_files\": " << options.bad_files << "}\n";
    return 0;
}
