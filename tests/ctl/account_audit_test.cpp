// What the audit says of each way in which list and ledger may differ.

#include "daemon/ctl/account_audit.hpp"

#include <gtest/gtest.h>

namespace onboardd::ctl {
namespace {

using namespace std::chrono_literals;

const wall_time begun{1h};

// Rows that the test has made up.
class made_up_ledger final : public ledger_reader {
public:
    void add(const std::string& reference, job_state state, const std::string& case_id = {},
             wall_time submitted_at = {}) {
        job row;
        row.id = static_cast<job_id>(rows_.size()) + 1;
        row.account = "T00000001";
        row.reference = reference;
        row.state = state;
        row.the_case.id = case_id;
        row.submitted_at = submitted_at;
        rows_.push_back(row);
    }

    job_page jobs(job_id after, std::size_t count_max) override {
        job_page page;
        page.last = after;
        for (const auto& row : rows_) {
            if (row.id > after && page.rows.size() < count_max) {
                page.rows.push_back(row);
                page.last = row.id;
            }
        }
        page.end = page.rows.size() < count_max;
        return page;
    }

    result<std::optional<job>> find(const std::string&, const std::string& reference) override {
        if (reference == "damaged") {
            return errc::damaged_row;
        }
        for (const auto& row : rows_) {
            if (row.reference == reference) {
                return std::optional(row);
            }
        }
        return std::optional<job>();
    }

    job_history history(job_id) override { return {}; }
    std::vector<std::string> accounts() override { return {"T00000001"}; }
    std::vector<tally> totals() override { return {}; }
    std::vector<operator_pause> pauses() override { return {}; }
    batch_summary summary(const std::string&) override { return {}; }
    std::vector<batch_summary> recent_batches(std::size_t) override { return {}; }

private:
    std::vector<job> rows_;
};

class AccountAudit : public testing::Test {
protected:
    static cdd_case a_case(const std::string& id, const std::string& reference) {
        cdd_case found;
        found.facts.id = id;
        found.reference = reference;
        return found;
    }

    // "KIND SUBJECT" of each finding for a list of these cases.
    std::vector<std::string> findings(const std::vector<cdd_case>& cases, bool sound = true) {
        std::vector<std::string> told;
        account_audit audit("T00000001", book, 1min, begun, [&](const finding& found) {
            told.push_back(found.kind + " " + found.subject);
            last_text = found.text;
        });
        list_walk list;
        list.sound = sound;
        for (const auto& one : cases) {
            list.ids.insert(hash_of_id(one.facts.id));
            audit.see(one);
        }
        audit.compare(list);
        if (audit.any_repeated()) {
            for (const auto& one : cases) {
                audit.see_again(one);
            }
            audit.tell_repeated();
        }
        return told;
    }

    using words = std::vector<std::string>;

    made_up_ledger book;
    std::string last_text;
};

TEST_F(AccountAudit, FindsNothingWhereAllAgrees) {
    book.add("created", job_state::created, "1");
    book.add("accepted", job_state::accepted, "2");
    book.add("in-flight", job_state::submitting);
    book.add("lost", job_state::unknown);
    book.add("refused", job_state::rejected);
    EXPECT_EQ(findings({a_case("1", "created"), a_case("2", "accepted"), a_case("3", "in-flight"),
                        a_case("4", "lost"), a_case("1", "created")}),
              words{});
}

TEST_F(AccountAudit, NamesASecondCaseWithAllIdsOnce) {
    book.add("one", job_state::created, "1");
    EXPECT_EQ(findings({a_case("1", "one"), a_case("2", "one"), a_case("3", "one")}),
              words{"case_repeated T00000001/one"});
    EXPECT_EQ(last_text, "the provider has 3 cases with this reference: 1 2 3; the ledger's is 1");
    EXPECT_EQ(findings({a_case("2", "one"), a_case("3", "one")}),
              (words{"case_not_listed T00000001/one", "case_repeated T00000001/one"}));
}

TEST_F(AccountAudit, NamesACaseWithoutAJob) {
    EXPECT_EQ(findings({a_case("1", "stranger")}), words{"case_without_job T00000001/stranger"});
    EXPECT_EQ(findings({a_case("1", "")}), words{"case_without_job T00000001"});
}

TEST_F(AccountAudit, KnowsACaseByItsIdWhereTheListShowsNoReference) {
    book.add("one", job_state::created, "1");
    EXPECT_EQ(findings({a_case("1", "")}), words{});
}

TEST_F(AccountAudit, NamesACaseOfAJobThatShouldHaveNone) {
    for (const auto state : {job_state::queued, job_state::deferred, job_state::rejected,
                             job_state::expired, job_state::cancelled}) {
        made_up_ledger fresh;
        fresh.add("one", state);
        std::vector<std::string> told;
        account_audit audit("T00000001", fresh, 1min, begun,
                            [&](const finding& found) { told.push_back(found.kind); });
        audit.see(a_case("1", "one"));
        EXPECT_EQ(told, words{"case_not_expected"}) << to_string(state);
    }
}

TEST_F(AccountAudit, NamesACaseThatIsAnotherOne) {
    book.add("one", job_state::created, "1", begun);
    EXPECT_EQ(findings({a_case("2", "one")}), words{"case_differs T00000001/one"});
}

TEST_F(AccountAudit, NamesACaseThatIsNotListedOnceItHasSettled) {
    book.add("settled", job_state::created, "1", begun - 1min);
    book.add("fresh", job_state::created, "2", begun - 1min + 1ms);
    EXPECT_EQ(findings({}), words{"case_not_listed T00000001/settled"});
}

TEST_F(AccountAudit, AListWithNonsenseInItProvesNoAbsence) {
    book.add("settled", job_state::created, "1", begun - 1h);
    EXPECT_EQ(findings({}, false), words{"list_unreadable T00000001"});
}

TEST_F(AccountAudit, NamesADamagedJob) {
    EXPECT_EQ(findings({a_case("1", "damaged")}), words{"job_damaged T00000001/damaged"});
}

}  // namespace
}  // namespace onboardd::ctl
