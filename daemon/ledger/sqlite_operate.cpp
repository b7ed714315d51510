// The part of the store that does what operators ask for.

#include "daemon/ledger/sqlite_operator.hpp"
#include "daemon/ledger/sqlite_row.hpp"
#include "daemon/ledger/sqlite_store.hpp"

namespace onboardd::sqlite {

operated store::operate(operation what, std::uint32_t uid,
                        const std::vector<std::pair<std::string, std::string>>& identities,
                        wall_time now) {
    operated done;
    const order given{.what = what, .uid = uid, .restored = restored_at(db_), .now = now};
    for (const auto& [account, reference] : identities) {
        const auto found = find(account, reference);
        if (found.has_error()) {
            done.refused.push_back({account, reference, job_state::queued, refusal::damaged});
        } else if (!*found) {
            done.missing.emplace_back(account, reference);
        } else {
            operate_one(given, **found, done);
        }
    }
    return done;
}

operated store::operate(operation what, std::uint32_t uid, const job_selection& among, job_id after,
                        std::size_t count_max, wall_time now) {
    operated done;
    done.last = after;
    const order given{.what = what, .uid = uid, .restored = restored_at(db_), .now = now};
    // The rows are read in pieces before one is changed: no statement reads a table while another
    // changes it.
    for (std::size_t looked_at = 0;
         looked_at < operate_portion_max && done.changed.size() < count_max;) {
        const auto piece =
            std::min(count_max - done.changed.size(), operate_portion_max - looked_at);
        const auto chosen = select_jobs(among, piece, done);
        for (const auto& row : chosen) {
            operate_one(given, row, done);
        }
        if (done.end) {
            break;
        }
        looked_at += piece;
    }
    return done;
}

// Those of the next `count` rows that are meant. The state and the names are compared first, which
// costs less than to verify a row.
std::vector<job> store::select_jobs(const job_selection& among, std::size_t count, operated& done) {
    std::vector<job> chosen;
    const auto account = among.account.empty() ? std::nullopt : accounts_.find(among.account);
    const auto batch = among.batch.empty() ? std::nullopt : batches_.find(among.batch);
    done.end = (!among.account.empty() && !account) || (!among.batch.empty() && !batch);
    if (done.end) {
        return chosen;
    }
    std::size_t seen = 0;
    query rows(page_, done.last, count);
    for (; rows.next(); ++seen) {
        done.last = rows.integer(id_column);
        const bool meant =
            (!among.state || rows.integer(state_column) == static_cast<int>(*among.state)) &&
            (!account || rows.integer(account_column) == *account) &&
            (!batch || rows.integer(batch_column) == *batch);
        if (!meant) {
            continue;
        }
        if (auto found = row(rows)) {
            chosen.push_back(std::move(*found));
        } else {
            done.refused.push_back({accounts_.name_of(rows.integer(account_column)),
                                    rows.text(reference_column), job_state::queued,
                                    refusal::damaged});
        }
    }
    done.end = seen < count;
    return chosen;
}

void store::operate_one(const order& given, const job& row, operated& done) {
    operating_facts facts{.now = given.now, .restored_at = given.restored, .request_kept = true};
    if (given.what == operation::retry && is_final(row.state)) {
        facts.request_kept = query(request_, row.id).next();
    }
    const auto decided = onboardd::operate(row, given.what, facts);
    if (decided.has_error()) {
        done.refused.push_back({row.account, row.reference, row.state, decided.error()});
        return;
    }
    if (!*decided) {
        ++done.unchanged;
        return;
    }
    write(**decided, *place_of(row.id), {});
    history_.add(row.id, step_of(given.what, given.uid, row, (*decided)->state, given.now));
    if (claimed_.contains(row.id)) {
        revoked_.insert(row.id);
    }
    done.changed.push_back({**decided, row.state});
}

void store::set_pause(const std::string& account, const std::optional<operator_pause>& pause) {
    sqlite::set_pause(db_, account, pause);
}

std::vector<operator_pause> store::pauses() {
    return sqlite::pauses(db_);
}

void store::note_restored(wall_time at) {
    sqlite::note_restored(db_, at);
}

}  // namespace onboardd::sqlite
