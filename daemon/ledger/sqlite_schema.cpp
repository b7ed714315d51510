#include "daemon/ledger/sqlite_schema.hpp"

namespace onboardd::sqlite {

// Every index costs each transition that touches it, so there are no more than the questions that
// are asked:
// - identity: is this job known?
// - due: what is the next step to take? Only jobs that wait for one are in it.
// - in_flight: which jobs were `submitting` when the last process ended? A page or two, always.
// - proof (below): which jobs rest on what the last process read? Few, mostly none.
// - unpublished: which outcomes are to be written? Empty when the writer keeps up.
// - witness: which of our cases were submitted last? Appended to, nearly in order.
// - erasable: whose personal data is to go? The same.
// The rowid is the last column of every index, so it need not be named where it only breaks ties.
const char* const schema = R"sql(
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,          -- one more with every start and every mark
    clean INTEGER NOT NULL,          -- 1: the last process closed the ledger in order
    boot TEXT NOT NULL               -- the kernel's boot id of the last start
) STRICT;
INSERT INTO meta VALUES (1, 0, 1, '');

CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    open INTEGER NOT NULL DEFAULT 0,       -- jobs that are neither final nor held
    changed INTEGER NOT NULL DEFAULT 0,    -- counts the commits that changed the summary
    reported INTEGER NOT NULL DEFAULT 0,   -- `changed` as of the last report
    first_received_at INTEGER,
    last_finished_at INTEGER
) STRICT;
CREATE INDEX report_due ON batch (id) WHERE open = 0 AND reported < changed;

CREATE TABLE tally (
    id INTEGER PRIMARY KEY,
    batch INTEGER NOT NULL,
    account INTEGER NOT NULL,
    state INTEGER NOT NULL,
    reason TEXT NOT NULL,
    jobs INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    UNIQUE (batch, account, state, reason)
) STRICT;

CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    tally INTEGER NOT NULL,
    state INTEGER NOT NULL,
    work INTEGER NOT NULL,           -- work_kind that it waits for
    priority INTEGER NOT NULL,
    followed INTEGER NOT NULL,
    due_at INTEGER NOT NULL,         -- times: milliseconds since 1970, UTC
    attempts INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    resends INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    published INTEGER NOT NULL,      -- the revision of the outcome on disk; 0: none
    submitted_at INTEGER,
    lost_at INTEGER,
    finished_at INTEGER,
    absent_since INTEGER,
    erase_at INTEGER,                -- finished_at, while there are request or answer bytes to erase
    received_at INTEGER NOT NULL,
    not_before INTEGER,
    expires_at INTEGER,
    reference TEXT NOT NULL,
    content BLOB NOT NULL,           -- SHA-256 of the producer's case
    fingerprint TEXT NOT NULL,       -- netstrings: organization number, products
    case_uuid TEXT NOT NULL,         -- empty texts: not known
    case_id TEXT NOT NULL,
    contract_url TEXT NOT NULL,
    case_status TEXT NOT NULL,
    case_created_at TEXT NOT NULL,
    error_kind INTEGER,              -- NULL: no error
    error_http_status INTEGER NOT NULL,
    error_code TEXT NOT NULL,
    error_message TEXT NOT NULL,
    error_details TEXT NOT NULL,
    error_field TEXT NOT NULL,
    origin_sum INTEGER NOT NULL DEFAULT 0,  -- checksums: see sqlite_row.hpp
    state_sum INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX identity ON job (account, reference);
CREATE INDEX due ON job (account, work, priority DESC, due_at) WHERE work <> 0;
CREATE INDEX in_flight ON job (id) WHERE state = 2;
CREATE INDEX unpublished ON job (id) WHERE published < revision;
CREATE INDEX witness ON job (account, submitted_at) WHERE case_uuid <> '';
CREATE INDEX erasable ON job (erase_at) WHERE erase_at IS NOT NULL;

CREATE TABLE request (
    job INTEGER PRIMARY KEY,
    body BLOB NOT NULL,
    sum INTEGER NOT NULL DEFAULT 0   -- of the body and the job's origin_sum
) STRICT;
CREATE TABLE answer (
    job INTEGER PRIMARY KEY,
    body BLOB NOT NULL,
    sum INTEGER NOT NULL DEFAULT 0
) STRICT;
)sql";

const char* const identity_schema = R"sql(
CREATE TABLE IF NOT EXISTS ledger_identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL
) STRICT;
INSERT OR IGNORE INTO ledger_identity VALUES (1, lower(hex(randomblob(16))));
)sql";

const char* const proof_schema = R"sql(
CREATE INDEX IF NOT EXISTS proof ON job (id) WHERE absent_since IS NOT NULL;
)sql";

const char* const operator_schema = R"sql(
CREATE TABLE IF NOT EXISTS operator_pause (
    account TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    uid INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS restored (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL              -- when the ledger was last put back from a copy
) STRICT;
)sql";

const char* const history_schema = R"sql(
CREATE TABLE IF NOT EXISTS step (
    job INTEGER NOT NULL,
    number INTEGER NOT NULL,         -- from 1; the first ones go when there are many
    at INTEGER NOT NULL,
    was INTEGER NOT NULL,            -- job_state
    became INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    operation INTEGER,               -- NULL: no operator's
    uid INTEGER NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
)sql";

}  // namespace onboardd::sqlite
