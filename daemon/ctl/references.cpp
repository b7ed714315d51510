#include "daemon/ctl/references.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <istream>
#include <ostream>

#include "daemon/app/wiring.hpp"
#include "daemon/ctl/control_socket.hpp"
#include "onboardd/base/log.hpp"

namespace onboardd::ctl {
namespace {

constexpr std::size_t name_bytes_max = 9 + 1 + 64;  // ACCOUNT/REFERENCE

// Names no job, and need not be sent anywhere.
bool is_too_long(const std::string& reference) {
    return reference.size() > name_bytes_max;
}

bool may_read(const std::filesystem::path& file) {
    return ::eaccess(file.c_str(), R_OK) == 0 || errno != EACCES;
}

std::string refused(const std::filesystem::path& file) {
    return "ledger " + shown(file.native()) +
           ": this user may not read it (it is for root and the daemon's user)";
}

bool is_configured(const config& settings, const std::string& account) {
    return std::ranges::find(settings.accounts, account, &account_config::id) !=
           settings.accounts.end();
}

std::string trimmed(const std::string& line) {
    constexpr const char* blanks = " \t\r";
    const auto from = line.find_first_not_of(blanks);
    return from == std::string::npos ? std::string()
                                     : line.substr(from, line.find_last_not_of(blanks) - from + 1);
}

class from_ledger final : public job_book {
public:
    explicit from_ledger(std::unique_ptr<ledger_reader> reader) : reader_(std::move(reader)) {}

    job_page jobs(job_id after) override { return reader_->jobs(after, admin::listed_jobs_max); }

    std::vector<admin::found_jobs> find(const std::vector<std::string>& references,
                                        bool histories) override {
        std::vector<admin::found_jobs> all;
        for (const auto& one : references) {
            const auto [account, reference] = admin::split_reference(one);
            auto& found = all.emplace_back();
            for (const auto& candidate :
                 account.empty() ? reader_->accounts() : std::vector<std::string>(1, account)) {
                add(candidate, reference, histories, found);
            }
        }
        return all;
    }

    batch_summary batch(const std::string& name) override { return reader_->summary(name); }

private:
    void add(const std::string& account, const std::string& reference, bool histories,
             admin::found_jobs& found) {
        const auto row = reader_->find(account, reference);
        if (row.has_error()) {
            found.damaged.push_back(account + "/" + reference);
        } else if (*row) {
            found.pasts.push_back(histories ? reader_->history((*row)->id) : job_history());
            found.rows.push_back(**row);
        }
    }

    std::unique_ptr<ledger_reader> reader_;
};

class from_daemon final : public job_book {
public:
    explicit from_daemon(std::unique_ptr<control_socket> socket) : socket_(std::move(socket)) {}

    job_page jobs(job_id after) override {
        const admin::list_order order{.after = after};
        auto page = ask(admin::list_path, to_json(order), admin::parse_page);
        if (!page.end && page.last <= after) {
            throw std::runtime_error("onboardd's answer leads round in a circle");
        }
        return page;
    }

    std::vector<admin::found_jobs> find(const std::vector<std::string>& references,
                                        bool histories) override {
        const admin::find_order order{.references = references, .histories = histories};
        auto found = ask(admin::find_path, to_json(order), admin::parse_found);
        if (found.size() != references.size()) {
            throw std::runtime_error("onboardd's answer does not fit the question");
        }
        return found;
    }

    batch_summary batch(const std::string& name) override {
        const admin::batch_order order{.batch = name};
        return ask(admin::batch_path, to_json(order), admin::parse_batch);
    }

private:
    template <class T>
    T ask(const char* path, std::string body, result<T, std::string> (*parse)(std::string_view)) {
        return understood(parse(good_answer(*socket_, path, std::move(body))));
    }

    std::unique_ptr<control_socket> socket_;
};

}  // namespace

void expect_readable_ledger(const config& settings) {
    const auto file = ledger_options_of(settings).file;
    if (!may_read(file)) {
        throw not_allowed(refused(file));
    }
}

std::unique_ptr<ledger_reader> open_reader(const config& settings) {
    expect_readable_ledger(settings);
    return open_ledger_reader(ledger_options_of(settings).file);
}

std::unique_ptr<job_book> open_book(const config& settings) {
    const auto file = ledger_options_of(settings).file;
    if (may_read(file)) {
        return std::make_unique<from_ledger>(open_ledger_reader(file));
    }
    auto socket = open_control_socket(settings.admin.socket);
    if (!socket) {
        throw not_allowed(refused(file) + ", and there is no onboardd at " +
                          shown(settings.admin.socket.native()) + " to be asked");
    }
    return std::make_unique<from_daemon>(std::move(socket));
}

std::vector<std::string> all_references(const std::vector<std::string>& named, std::istream& in) {
    std::vector<std::string> all;
    for (const auto& one : named) {
        if (one != "-") {
            all.push_back(one);
            continue;
        }
        for (std::string line; std::getline(in, line);) {
            if (auto reference = trimmed(line); !reference.empty()) {
                all.push_back(std::move(reference));
            }
        }
    }
    return all;
}

void tell_nothing_named(output& to) {
    to.err << "onboardctl: standard input names no job\n";
}

void find_each(job_book& book, const std::vector<std::string>& references, bool histories,
               const std::function<void(const std::string&, const admin::found_jobs&)>& tell) {
    for (auto from = references.begin(); from != references.end();) {
        const auto count =
            std::min<std::ptrdiff_t>(references.end() - from, admin::found_references_max);
        std::vector<std::string> some(from, from + count);
        std::ranges::replace_if(some, is_too_long, std::string());
        const auto found = book.find(some, histories);
        for (std::size_t i = 0; i < some.size(); ++i) {
            tell(*from++, found[i]);
        }
    }
}

void tell_no_job(output& to, const std::string& reference) {
    to.err << "onboardctl: there is no job " << printable(reference, 2 * name_bytes_max) << '\n';
}

bool tell_unknown_name(const config& settings, const std::string& account, const std::string& batch,
                       output& to) {
    if (!batch.empty() && open_book(settings)->batch(batch).tallies.empty()) {
        to.err << "onboardctl: there is no batch " << shown(batch) << '\n';
        return true;
    }
    if (!account.empty() && !is_configured(settings, account)) {
        to.err << "onboardctl: the configuration has no account " << shown(account)
               << ", and no job fits\n";
        return true;
    }
    return false;
}

void tell_damaged(output& to, const std::string& subject) {
    to.err << "onboardctl: " << shown(subject)
           << " is damaged in the ledger and not believed: run onboardctl fsck\n";
}

}  // namespace onboardd::ctl
