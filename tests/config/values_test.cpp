// Each key: what it takes, what it refuses, and where it says so.

#include <gmock/gmock.h>

#include "read_values.hpp"

namespace onboardd::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class ValueFaults : public testing::TestWithParam<fault_case> {};

TEST_P(ValueFaults, AreFoundWhereTheyAre) {
    EXPECT_THAT(faults_of(std::string(one_account) + GetParam().yaml),
                testing::ElementsAreArray(GetParam().faults));
}

constexpr auto url_form = "; allowed: https://HOST[:PORT][/PATH]";
constexpr auto local_form =
    "; allowed: HOST:PORT with the host localhost, 127.0.0.1 or [::1], or unix:/PATH";
constexpr auto window_form = "; allowed: as in \"01:00-05:30 Europe/Oslo\"";
constexpr auto duration_form =
    " is not a duration; allowed: a whole number with a unit: ms, s, m, h or d, from ";

std::string at(const std::string& where, const std::string& what, const std::string& form) {
    return where + ": " + what + form;
}

fault_case provider(std::string name, const std::string& line, std::vector<std::string> faults) {
    return {std::move(name), "provider:\n  " + line + '\n', std::move(faults)};
}

fault_case account(std::string name, const std::string& line, std::vector<std::string> faults) {
    return {std::move(name), "  " + line + '\n', std::move(faults)};
}

// A scalar of `section`, whose value begins at `column` of line 6.
fault_case one(std::string name, const std::string& section, const std::string& key,
               const std::string& value, const std::string& fault) {
    auto column = key.size() + 5;
    std::vector<std::string> faults;
    if (!fault.empty())
        faults.push_back("6:" + std::to_string(column) + ": " + section + '.' + key + ": " + fault);
    return {std::move(name), section + ":\n  " + key + ": " + value + '\n', faults};
}

INSTANTIATE_TEST_SUITE_P(
    Keys, ValueFaults,
    testing::Values(
        fault_case{
            "UnknownSection",
            "spol: {}\n",
            {"5:1: spol: unknown key; did you mean spool?; allowed: provider, accounts, spool, "
             "checks, outcomes, ledger, retry, reconcile, follow, admin, log"}},
        fault_case{"UnknownKey",
                   "log: {colour: red}\n",
                   {"5:7: log.colour: unknown key; allowed: level, format"}},
        fault_case{"SwappedLetters",
                   "log: {levle: info}\n",
                   {"5:7: log.levle: unknown key; did you mean level?; allowed: level, format"}},
        fault_case{"EmptySection", "log:\nspool:\n", {}},
        fault_case{"SectionIsAScalar",
                   "log: info\n",
                   {"5:6: log: not a mapping; allowed: lines of KEY: VALUE"}},
        fault_case{"SectionIsAList",
                   "log: [info]\n",
                   {"5:6: log: not a mapping; allowed: lines of KEY: VALUE"}},
        fault_case{"NoValue",
                   "log:\n  level:\n  format: auto\n",
                   {"6:3: log.level: no value; allowed: one value, or leave the key out"}},
        one("NullIsNoValue", "log", "level", "null",
            "no value; allowed: one value, or leave the key out"),
        one("ListForAScalar", "log", "level", "[info]", "not a single value; allowed: one value"),
        one("MappingForAScalar", "log", "level", "{a: b}",
            "not a single value; allowed: one value"),
        one("WrongChoice", "log", "level", "loud",
            "\"loud\" is not one of them; allowed: debug, info, warning, error"),
        one("QuotedChoice", "log", "level", "'info'", ""),
        one("WrongFormat", "log", "format", "xml",
            "\"xml\" is not one of them; allowed: auto, journal, text, json"),
        one("DurationWithoutUnit", "spool", "settle", "5",
            std::string("\"5\"") + duration_form + "0s to 1h"),
        one("DurationWithSpace", "spool", "settle", "5 s",
            std::string("\"5 s\"") + duration_form + "0s to 1h"),
        one("NegativeDuration", "spool", "settle", "-5s",
            std::string("\"-5s\"") + duration_form + "0s to 1h"),
        one("DurationAtTheUpperEdge", "spool", "settle", "1h", ""),
        one("DurationAtTheLowerEdge", "spool", "settle", "0s", ""),
        one("DurationBeyondTheUpperEdge", "spool", "settle", "3600001ms",
            "3600001ms is out of range; allowed: from 0s to 1h"),
        one("DurationBelowTheLowerEdge", "spool", "rescan", "99ms",
            "99ms is out of range; allowed: from 100ms to 1h"),
        one("SizeAtTheUpperEdge", "spool", "file_bytes_max", "64MiB", ""),
        one("SizeAtTheLowerEdge", "spool", "file_bytes_max", "1024", ""),
        one("SizeBeyondTheUpperEdge", "spool", "file_bytes_max", "67108865",
            "67108865 is out of range; allowed: from 1KiB to 64MiB"),
        one("SizeBelowTheLowerEdge", "spool", "file_bytes_max", "1023B",
            "1023B is out of range; allowed: from 1KiB to 64MiB"),
        one("WrongSizeUnit", "spool", "file_bytes_max", "1MB",
            "\"1MB\" is not a size; allowed: a whole number of bytes, or with a unit: B, KiB or "
            "MiB, "
            "from 1KiB to 64MiB"),
        one("CountAtTheUpperEdge", "reconcile", "resend_max", "10", ""),
        one("CountAtTheLowerEdge", "reconcile", "resend_max", "0", ""),
        one("CountBeyondTheUpperEdge", "reconcile", "resend_max", "11",
            "\"11\" is out of range; allowed: a whole number from 0 to 10"),
        one("NegativeCount", "reconcile", "resend_max", "-1",
            "\"-1\" is out of range; allowed: a whole number from 0 to 10"),
        one("HugeCount", "reconcile", "resend_max", "99999999999999999999999",
            "\"99999999999999999999999\" is out of range; allowed: a whole number from 0 to 10"),
        one("FractionForACount", "reconcile", "resend_max", "1.5",
            "\"1.5\" is not a whole number; allowed: a whole number from 0 to 10"),
        one("WordForACount", "reconcile", "resend_max", "two",
            "\"two\" is not a number; allowed: a whole number from 0 to 10"),
        one("QuotedCount", "reconcile", "resend_max", "\"2\"",
            "this is text, because of the quotes; allowed: a whole number from 0 to 10"),
        one("Truth", "checks", "currencies", "False", ""),
        one("NoTruth", "checks", "currencies", "no",
            "\"no\" is not a truth value; allowed: true, false, without quotes"),
        one("QuotedTruth", "checks", "currencies", "'true'",
            "\"true\" is not a truth value; allowed: true, false, without quotes"),
        one("RelativePath", "spool", "directory", "spool",
            "not an absolute path; allowed: a path that begins with /"),
        one("EmptyPath", "spool", "directory", "''", "empty; allowed: text of 1 to 4095 bytes"),
        one("VariableInADirectory", "spool", "directory", "${HOME}/spool",
            "a variable; allowed: ${CREDENTIALS_DIRECTORY} in keys that end in _file, none here"),
        one("ControlByteInAPath", "spool", "directory", "\"/a\\nb\"",
            "a control byte within; allowed: text of one line"),
        one("SocketAtTheEdge", "admin", "socket", '/' + std::string(106, 's'), ""),
        one("SocketBeyondTheEdge", "admin", "socket", '/' + std::string(107, 's'),
            "too long; allowed: text of 1 to 107 bytes"),
        one("OutcomesAmongTheJobs", "outcomes", "directory", "/var/spool/onboardd/./incoming/x",
            "within incoming/ of the spool; allowed: any directory outside it"),
        one("OutcomesBesideTheJobs", "outcomes", "directory", "/var/spool/onboardd/outcomes", ""),
        one("PostgresLedger", "ledger", "url", "postgresql://user:pw@host/db",
            "this build has no PostgreSQL ledger; allowed: sqlite:///ABSOLUTE/PATH"),
        one("OtherLedger", "ledger", "url", "mysql://host/db",
            "not a ledger; allowed: sqlite:///ABSOLUTE/PATH"),
        one("RelativeLedger", "ledger", "url", "sqlite://ledger.db",
            "not the absolute path of a file; allowed: sqlite:///ABSOLUTE/PATH"),
        one("LedgerIsADirectory", "ledger", "url", "sqlite:///var/lib/",
            "not the absolute path of a file; allowed: sqlite:///ABSOLUTE/PATH"),
        one("LedgerWithAQuery", "ledger", "url", "sqlite:///l.db?mode=ro",
            "one of ? # % in the path; allowed: sqlite:///ABSOLUTE/PATH"),
        one("HttpAddress", "admin", "http", "127.0.0.1:9464", ""),
        one("HttpAddressOfVersionSix", "admin", "http", "'[::1]:9464'", ""),
        one("HttpAddressByName", "admin", "http", "localhost:65535", ""),
        one("HttpWithoutPort", "admin", "http", "localhost",
            std::string("\"localhost\" has no port from 1 to 65535") + local_form),
        one("HttpPortZero", "admin", "http", "localhost:0",
            std::string("\"localhost:0\" has no port from 1 to 65535") + local_form),
        one("HttpPortTooLarge", "admin", "http", "localhost:65536",
            std::string("\"localhost:65536\" has no port from 1 to 65535") + local_form),
        one("HttpForEverybody", "admin", "http", "0.0.0.0:80",
            std::string("\"0.0.0.0:80\" can be reached from other machines") + local_form),
        one("HttpWithoutBrackets", "admin", "http", "::1:80",
            std::string("\"::1:80\" is not an address") + local_form),
        one("HttpOtherHost", "admin", "http", "example.com:80",
            std::string("\"example.com:80\" is not an address") + local_form),
        one("HttpSocket", "admin", "http", "unix:/run/onboardd/http.sock", ""),
        one("HttpSocketWithARelativePath", "admin", "http", "unix:http.sock",
            std::string("\"unix:http.sock\" has no absolute path of at most 107 bytes") +
                local_form),
        one("FollowAtTheEdge", "follow", "interval", "1s", ""),
        one("FollowBelowTheEdge", "follow", "interval", "999ms",
            "999ms is out of range; allowed: from 1s to 30d")),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Provider, ValueFaults,
    testing::Values(
        provider("Url", "base_url: https://127.0.0.1:8443/v1/", {}),
        provider("PlainHttp", "base_url: http://api.dintero.com/v1",
                 {"6:13: provider.base_url: the scheme is not https; allowed: https only, since "
                  "secrets travel"}),
        provider("NoUrl", "base_url: api.dintero.com",
                 {at("6:13: provider.base_url", "not a URL", url_form)}),
        provider("NoHost", "base_url: https:///v1",
                 {at("6:13: provider.base_url", "no host", url_form)}),
        provider("UrlWithPassword", "base_url: https://u:hunter2@h/",
                 {at("6:13: provider.base_url", "a user name or password within", url_form)}),
        provider("UrlWithQuery", "base_url: https://h/?a",
                 {at("6:13: provider.base_url", "a query (?) within", url_form)}),
        provider("UrlWithFragment", "base_url: https://h/#a",
                 {at("6:13: provider.base_url", "a fragment (#) within", url_form)}),
        provider("UrlWithAWrongPort", "base_url: https://h:70000/",
                 {"6:13: provider.base_url: the port is out of range; allowed: from 1 to 65535"}),
        provider("UrlWithASpace", "base_url: https://h/a b",
                 {at("6:13: provider.base_url", "not a URL", url_form)}),
        provider("CertificatesByAnotherVariable", "ca_file: ${HOME}/ca.pem",
                 {"6:12: provider.ca_file: an unknown variable; allowed: ${CREDENTIALS_DIRECTORY} "
                  "at the front"}),
        provider("NoConnections", "connections_max: 0",
                 {"6:20: provider.connections_max: \"0\" is out of range; allowed: a whole number "
                  "from 1 to 1024"}),
        provider("NoTime", "request_timeout: 0s",
                 {"6:20: provider.request_timeout: 0s is out of range; allowed: from 10ms to 10m"}),
        provider("TooLargeAnswers", "response_bytes_max: 65MiB",
                 {"6:23: provider.response_bytes_max: 65MiB is out of range; allowed: from 1KiB to "
                  "64MiB"})),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Account, ValueFaults,
    testing::Values(
        account("Rate", "requests_per_second_max: 0.5", {}),
        account("RateBelowTheEdge", "requests_per_second_max: 0",
                {"5:28: accounts[0].requests_per_second_max: \"0\" is out of range; allowed: a "
                 "number from 0.001 to 10000"}),
        account("RateIsNoNumber", "requests_per_second_max: nan",
                {"5:28: accounts[0].requests_per_second_max: \"nan\" is not a number; allowed: a "
                 "number from 0.001 to 10000"}),
        account("RateIsInfinite", "requests_per_second_max: 1e999",
                {"5:28: accounts[0].requests_per_second_max: \"1e999\" is out of range; allowed: a "
                 "number from 0.001 to 10000"}),
        account("InFlight", "in_flight_max: 10001",
                {"5:18: accounts[0].in_flight_max: \"10001\" is out of range; allowed: a whole "
                 "number from 1 to 10000"}),
        account("Window", "window: 22:00-05:30 Europe/Oslo", {}),
        account("WindowWithoutZone", "window: 01:00-05:30",
                {at("5:11: accounts[0].window", "\"01:00-05:30\" is not a window", window_form)}),
        account("WindowInAnUnknownZone", "window: 01:00-05:30 Europe/Olso",
                {"5:11: accounts[0].window: no time zone \"Europe/Olso\"; allowed: a name as in "
                 "Europe/Oslo"}),
        account(
            "WindowInNoZone", "window: 01:00-05:30 ../x",
            {"5:11: accounts[0].window: no time zone \"../x\"; allowed: a name as in Europe/Oslo"}),
        account("WindowWithoutSuchATime", "window: 01:00-24:00 Europe/Oslo",
                {at("5:11: accounts[0].window",
                    "\"01:00-24:00 Europe/Oslo\" has no times from 00:00 to 23:59", window_form)}),
        account("WindowIsEmpty", "window: 01:00-01:00 Europe/Oslo",
                {"5:11: accounts[0].window: the window is empty; allowed: two different times, or "
                 "null for always"}),
        account("SecretInsteadOfItsFile", "client_secret: hunter2",
                {"5:3: accounts[0].client_secret: unknown key; did you mean client_secret_file?; "
                 "allowed: id, "
                 "client_id, client_secret_file, audience, requests_per_second_max, in_flight_max, "
                 "window, defaults"}),
        account("DuplicateAccount", "\n- {id: T12345678, client_id: me, client_secret_file: /s}",
                {"6:8: accounts[1].id: the account T12345678 is given twice, first in line 2; "
                 "allowed: each account once"})),
    name_of);

TEST(Config, SaysWhatAnEmptyFileLacks) {
    for (auto text : {"", "\n", "# nothing\n", "---\n", "{}"}) {
        EXPECT_THAT(faults_of(text), ElementsAre("1:1: accounts: missing; this key has no default"))
            << text;
    }
}

TEST(Config, SaysThatItMustBeAMapping) {
    EXPECT_THAT(faults_of("- a\n"),
                ElementsAre("1:1: not a mapping; allowed: lines of KEY: VALUE"));
    EXPECT_THAT(faults_of("a\n"), ElementsAre("1:1: not a mapping; allowed: lines of KEY: VALUE"));
}

TEST(Config, SaysWhatAnAccountLacks) {
    EXPECT_THAT(
        faults_of("accounts:\n  - audience: x\n"),
        ElementsAre("2:5: accounts[0].id: missing; this key has no default",
                    "2:5: accounts[0].client_id: missing; this key has no default",
                    "2:5: accounts[0].client_secret_file: missing; this key has no default"));
}

TEST(Config, WantsAtLeastOneAccount) {
    for (auto text : {"accounts: []\n", "accounts: {}\n", "accounts: T1\n"}) {
        EXPECT_THAT(
            faults_of(text),
            ElementsAre("1:11: accounts: not a list of accounts; allowed: from 1 to 1000 of "
                        "them, each behind a dash"))
            << text;
    }
    EXPECT_THAT(
        faults_of("accounts:\n"),
        ElementsAre("1:1: accounts: not a list of accounts; allowed: from 1 to 1000 of them, "
                    "each behind a dash"));
}

TEST(Config, BoundsTheNumberOfAccounts) {
    std::string text = "accounts:\n";
    for (int i = 0; i < 1000; ++i) {
        text += "- {id: P" + std::to_string(10'000'000 + i) +
                ", client_id: c, client_secret_file: /s}\n";
    }
    EXPECT_EQ(config_of(text).accounts.size(), 1000u);
    EXPECT_EQ(faults_of(text + "- {id: T12345678, client_id: c, client_secret_file: /s}\n").size(),
              1u);
}

TEST(Config, ChecksAccountIds) {
    for (auto id : {"T1234567", "T123456789", "t12345678", "X12345678", "T1234567a", "'T12345678 '",
                    "12345678"}) {
        EXPECT_EQ(faults_of(std::string("accounts: [{client_id: c, client_secret_file: /s, id: ") +
                            id + "}]")
                      .size(),
                  1u)
            << id;
    }
}

TEST(Config, WantsNoColonInAClientId) {
    EXPECT_THAT(
        faults_of("accounts: [{id: T12345678, client_id: 'a:b', client_secret_file: /s}]\n"),
        ElementsAre("1:39: accounts[0].client_id: a colon within; allowed: text without one (RFC "
                    "7617)"));
}

TEST(Config, ReportsAllFaultsInTheOrderOfTheFile) {
    EXPECT_THAT(
        faults_of("log: {level: loud}\n"
                  "spool: {settle: 5, settle: 6}\n"
                  "acounts: []\n"
                  "provider:\n"
                  "  base_url: http://h\n"
                  "  connections_max: 0\n"),
        ElementsAre("1:1: accounts: missing; this key has no default",
                    testing::StartsWith("1:14: log.level: "),
                    testing::StartsWith("2:17: spool.settle: \"5\" is not a duration"),
                    testing::StartsWith("2:20: spool.settle: the key is given twice"),
                    testing::StartsWith("3:1: acounts: unknown key; did you mean accounts?"),
                    testing::StartsWith("5:13: provider.base_url: "),
                    testing::StartsWith("6:20: provider.connections_max: ")));
}

TEST(Config, BoundsTheNumberOfFaults) {
    std::string text(one_account);
    for (int i = 0; i < 1000; ++i)
        text += "x" + std::to_string(i) + ": 1\n";
    auto faults = faults_of(text);
    ASSERT_EQ(faults.size(), 101u);
    EXPECT_EQ(faults.back(), "105:1: 900 more faults are not shown");
}

TEST(Config, ReplacesTheVariableInFileKeys) {
    auto text =
        "accounts: [{id: P00000001, client_id: c, client_secret_file: "
        "\"${CREDENTIALS_DIRECTORY}/s\"}]";
    auto key = "1:62: accounts[0].client_secret_file: ";
    EXPECT_EQ(config_of(text, {.credentials_directory = "/run/c"}).accounts[0].client_secret_file,
              "/run/c/s");
    EXPECT_EQ(config_of(text, {.credentials_directory = "", .files_needed = false})
                  .accounts[0]
                  .client_secret_file,
              "${CREDENTIALS_DIRECTORY}/s");
    EXPECT_THAT(
        faults_of(text, {.credentials_directory = ""}),
        ElementsAre(
            key +
            std::string("CREDENTIALS_DIRECTORY is not set (systemd sets it for LoadCredential=); "
                        "allowed: set it, or write an absolute path")));
    EXPECT_THAT(faults_of(text, {.credentials_directory = "run"}),
                ElementsAre(testing::StartsWith(
                    key + std::string("CREDENTIALS_DIRECTORY is not an absolute path"))));
}

TEST(Config, ReplacesTheVariableAtTheFrontOnly) {
    for (auto path :
         {"/x/${CREDENTIALS_DIRECTORY}", "${CREDENTIALS_DIRECTORY}", "${CREDENTIALS_DIRECTORY}/",
          "${CREDENTIALS_DIRECTORY}x", "${CREDENTIALS_DIRECTORY}/${CREDENTIALS_DIRECTORY}",
          "${HOME}/s", "s", "''"}) {
        EXPECT_EQ(
            faults_of(std::string("accounts: [{id: P00000001, client_id: c, client_secret_file: ") +
                          (path[0] == '\'' ? path : '"' + std::string(path) + '"') + "}]",
                      {.credentials_directory = "/run/c"})
                .size(),
            1u)
            << path;
    }
}

TEST(Config, DropsSlashesAtTheEndOfTheUrl) {
    auto url = [](const std::string& text) {
        return config_of(std::string(one_account) + "provider: {base_url: '" + text + "'}")
            .provider.base_url;
    };
    EXPECT_EQ(url("https://h/v1/"), "https://h/v1");
    EXPECT_EQ(url("https://h//"), "https://h");
    EXPECT_EQ(url("HTTPS://h"), "https://h");
    EXPECT_EQ(url("https://[::1]:8443/v1"), "https://[::1]:8443/v1");
}

TEST(Config, NeverRepeatsWhatMayBeASecret) {
    auto faults = faults_of(
        "accounts: [{id: P00000001, client_id: c, client_secret_file: hunter2, client_secret: "
        "hunter2}]\n"
        "provider: {base_url: 'https://u:hunter2@h'}\n"
        "ledger: {url: 'postgresql://u:hunter2@h'}\n");
    EXPECT_EQ(faults.size(), 4u);
    for (const auto& fault : faults)
        EXPECT_EQ(fault.find("hunter2"), std::string::npos) << fault;
}

TEST(Config, ReadsEveryKey) {
    auto read = config_of(
        "provider: {base_url: 'https://h', ca_file: /ca, connect_timeout: 1s, request_timeout: 2s, "
        "connections_max: 3, response_bytes_max: 4KiB}\n"
        "accounts: [{id: P00000001, client_id: c, client_secret_file: /s, audience: a, "
        "requests_per_second_max: 2.5, in_flight_max: 7, window: 23:00-01:30 UTC, defaults: {a: "
        "1}}]\n"
        "spool: {directory: /in, settle: 2s, rescan: 3s, file_bytes_max: 5KiB}\n"
        "checks: {country_codes: false, currencies: false, organization_numbers: false, "
        "callback_urls: false}\n"
        "outcomes: {directory: /out, accepted_for: 4s}\n"
        "ledger: {url: 'sqlite:///l', keep_requests: 5s}\n"
        "retry: {schedule: [20ms, 1d], max_age: 6s, budget_percent: 7}\n"
        "reconcile: {settle: 8s, resend_max: 9}\n"
        "follow: {interval: 10s}\n"
        "admin: {socket: /sock, http: 'localhost:1'}\n"
        "log: {level: debug, format: json}\n");
    config expected;
    expected.provider = {"https://h", "/ca", 1s, 2s, 3, 4096};
    expected.accounts = {
        {"P00000001", "c", "/s", "a", 2.5, 7, time_window{23h, 1h + 30min, "UTC"}, "{\"a\":1}"}};
    expected.spool = {"/in", 2s, 3s, 5120};
    expected.checks = {false, false, false, false};
    expected.outcomes = {"/out", 4s};
    expected.ledger = {"sqlite:///l", 5s};
    expected.retry = {{20ms, 24h}, 6s, 7};
    expected.reconcile = {8s, 9};
    expected.follow = {10s};
    expected.admin = {"/sock", "localhost:1"};
    expected.log = {severity::debug, log_format::json};
    EXPECT_EQ(read, expected);
}

TEST(Config, ThrowsItsFaultsWhereAValueIsDemanded) {
    auto read = parse_config("log: {level: x}", "f", {});
    try {
        read.value();
        FAIL() << "no exception";
    } catch (const config_error& ex) {
        EXPECT_STREQ(
            ex.what(),
            "f:1:1: accounts: missing; this key has no default\n"
            "f:1:14: log.level: \"x\" is not one of them; allowed: debug, info, warning, error");
    }
}

}  // namespace
}  // namespace onboardd::test
